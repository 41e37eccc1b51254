"""The contract: configuration, scalar reference, vector format. Imports nothing of the project."""
