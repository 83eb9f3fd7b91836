"""Studies: plans several runs, executes what is missing, and compares the results."""
