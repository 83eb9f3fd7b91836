"""Keeps the pixel store: images decoded and placed once, and shared by all runs that need the same images."""
