"""Generates synthetic mammograms with known lesions, in the layout of KAUMDS."""
