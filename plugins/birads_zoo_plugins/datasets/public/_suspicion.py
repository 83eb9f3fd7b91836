"""Several abnormalities of one picture as one label: the most suspicious."""

from collections.abc import Iterable

_ASSESSMENTS = ("", "1", "2", "3", "0", "4", "5", "6")
"""BI-RADS categories by suspicion. 0 asks for more pictures: merged into 3 or less, that question would be lost."""
_FINDINGS = ("", "normal", "benign", "malignant")


def by_suspicion(categories: Iterable[str]) -> list[str]:
    """Return the different BI-RADS categories "0" … "6" from the least suspicious on; 0 is between 3 and 4."""
    return sorted({one for one in categories if one}, key=_ASSESSMENTS.index)


def highest_assessment(categories: Iterable[str]) -> str:
    """Return the most suspicious of BI-RADS categories "0" … "6", "" for none; 0 goes before 1 to 3, and after 4."""
    return max(categories, key=_ASSESSMENTS.index, default="")


def worst_finding(findings: Iterable[str]) -> str:
    """Return malignant before benign before normal, "" for none."""
    return max(findings, key=_FINDINGS.index, default="")
