"""Writes the page and the figures of an audit."""
