"""Draws figures, pictures and charts from plain data."""
