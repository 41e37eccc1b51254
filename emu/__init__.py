"""The fast bit-accurate emulator (numpy, numba). Imports golden."""
