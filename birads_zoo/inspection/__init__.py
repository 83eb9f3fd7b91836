"""Inspects a data set for an audit: duplicates, labels, file formats, and what follows from them."""
