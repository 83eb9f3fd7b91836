"""Writes the page, the figures and the text of one run."""
