"""Runs the command line with `python -m birads_zoo`; the same as `birads-zoo`."""

import sys

from birads_zoo.cli import main

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the working directory: nobody asked for code from there
    main()
