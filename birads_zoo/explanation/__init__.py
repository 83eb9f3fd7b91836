"""Heat maps over mammograms."""
