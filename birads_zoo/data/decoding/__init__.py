"""Decodes image files to grey images."""
