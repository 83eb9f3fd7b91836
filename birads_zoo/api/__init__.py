"""The Python API, one file per function. `birads_zoo` exports these functions, and the command line calls them."""
