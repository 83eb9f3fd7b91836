"""Splits the rows into training, validation (which chooses the epoch) and test (which is reported)."""
