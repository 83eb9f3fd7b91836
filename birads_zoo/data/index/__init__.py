"""Represents a data set as a table: rows, classes, views, samples, and which rows can be used."""
