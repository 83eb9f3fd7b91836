"""From a decoded image to the one that a network sees: the breast's region, crop, orientation, size and contrast."""
