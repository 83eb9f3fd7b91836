"""Holds the version of birads-zoo, which is written into its JSON files."""

__version__ = "0.1.0"
