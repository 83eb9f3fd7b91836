"""The version of birads-zoo: the package gets it from here, and every file that it writes for itself names it."""

__version__ = "0.1.0"
