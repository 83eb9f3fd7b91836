"""Holds the version of birads-zoo. The package takes it from here, and it is written into the JSON files."""

__version__ = "0.1.0"
