"""Metrics, intervals and comparisons, computed from predicted probabilities."""
