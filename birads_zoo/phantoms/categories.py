"""Defines the BI-RADS categories of a phantom."""

CATEGORIES = ("1", "3", "4", "5")
"""The categories that have pictures. As in KAUMDS, category 2 has only rows."""

LESION_CATEGORIES = CATEGORIES[1:]
"""The categories of breasts with a lesion."""
