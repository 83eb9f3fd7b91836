"""Writes phantoms: images, sheet and folders."""
