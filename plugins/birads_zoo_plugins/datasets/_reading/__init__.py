"""Reads tables, paths and cells, for all data sets."""
