"""DDSM, as published and as small pictures."""
