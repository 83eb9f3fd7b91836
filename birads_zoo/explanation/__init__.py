"""Heat maps over mammograms, and tests of whether they are faithful."""
