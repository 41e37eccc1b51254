"""Makes RTL run and checks it. Imports golden, emu, rtl."""
