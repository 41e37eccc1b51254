"""Amaranth components of the unit, one file per part. Imports golden, never emu."""
