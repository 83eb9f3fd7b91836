"""Draws synthetic mammograms: breast, tissue and lesions."""
