"""The public face of the suite; names are loaded on first use, so importing costs next to nothing."""

__version__ = "0.1.0"
