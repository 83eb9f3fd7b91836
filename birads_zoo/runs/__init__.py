"""Runs: the folder, the predictions and their metrics, trackers, and reading a finished run."""
