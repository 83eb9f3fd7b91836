"""Measures whether the file format predicts the class, and whether it is still visible in stored pictures."""
