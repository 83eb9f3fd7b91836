"""From a classifier and batches to trained weights."""
