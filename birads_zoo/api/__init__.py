"""The Python API, a file a verb. `birads_zoo` hands its functions on, and the command line calls them."""
