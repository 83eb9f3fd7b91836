"""Merges several abnormalities of one picture into the most suspicious label."""

from collections.abc import Iterable

_ASSESSMENTS = ("", "1", "2", "3", "0", "4", "5", "6")
"""BI-RADS categories by suspicion. 0 asks for more pictures, so it is not merged into 3 or less."""
_FINDINGS = ("", "normal", "benign", "malignant")


def by_suspicion(categories: Iterable[str]) -> list[str]:
    """Return the different BI-RADS categories "0" … "6", the least suspicious first; 0 is between 3 and 4."""
    return sorted({category for category in categories if category}, key=_ASSESSMENTS.index)


def highest_assessment(categories: Iterable[str]) -> str:
    """Return the most suspicious of BI-RADS categories "0" … "6", or "" for none; 0 is above 3 and below 4."""
    return max(categories, key=_ASSESSMENTS.index, default="")


def worst_finding(findings: Iterable[str]) -> str:
    """Return the worst of malignant, benign and normal, or "" for none."""
    return max(findings, key=_FINDINGS.index, default="")
