"""Finds pictures that are in a data set more than once."""
