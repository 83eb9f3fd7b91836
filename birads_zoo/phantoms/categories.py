"""The BI-RADS categories of a phantom."""

CATEGORIES = ("1", "3", "4", "5")
"""The categories that have pictures; as in KAUMDS, 2 has rows only."""

LESION_CATEGORIES = CATEGORIES[1:]
"""Those of breasts with a lesion."""
