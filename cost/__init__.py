"""What a unit costs on an FPGA and in silicon. Imports golden, rtl."""
