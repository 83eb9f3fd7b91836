"""Which rows train, which choose the epoch and which are reported."""
