"""The version of birads-zoo, which every file that it writes for itself names."""

__version__ = "0.1.0"
