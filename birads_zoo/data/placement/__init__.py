"""Turns a decoded image into a network's input: the breast's region, crop, orientation, size and contrast."""
