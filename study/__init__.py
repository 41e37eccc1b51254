"""Experiments that join the other parts. Imports all of them."""
