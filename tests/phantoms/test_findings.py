from collections import Counter

import numpy as np
import pytest

from birads_zoo.phantoms.findings import Finding, draw_finding
from birads_zoo.phantoms.suspicion import draw_suspicions

TERMS = {
    "kind": {"mass", "mass-with-calcifications", "calcifications", "asymmetry", "architectural-distortion"},
    "shape": {"round", "oval", "irregular"},
    "margin": {"circumscribed", "obscured", "indistinct", "spiculated"},
    "density": {"low", "equal", "high"},
    "morphology": {"punctate", "amorphous", "pleomorphic", "fine-linear"},
    "distribution": {"regional", "grouped", "linear", "segmental"},
}


@pytest.fixture(scope="module")
def findings() -> dict[str, list[Finding]]:
    """A thousand lesions of each category."""
    generator = np.random.default_rng(0)
    return {
        category: [draw_finding(float(s), generator) for s in draw_suspicions(category, 1000, generator)]
        for category in "345"
    }


@pytest.mark.parametrize("term", TERMS)
def test_all_terms_occur_and_none_in_one_category_only(findings: dict[str, list[Finding]], term: str) -> None:
    counts = {category: Counter(getattr(finding, term) for finding in drawn) for category, drawn in findings.items()}
    named = set().union(*counts.values()) - {""}
    assert named == TERMS[term]
    for word in named:
        having = [category for category in "345" if counts[category][word] >= 3]
        assert len(having) >= 2, f"{word} tells the category {having}"


@pytest.mark.parametrize(
    ("term", "harmless", "suspicious"),
    [
        ("shape", "oval", "irregular"),
        ("margin", "circumscribed", "spiculated"),
        ("density", "low", "high"),
        ("morphology", "punctate", "fine-linear"),
        ("distribution", "regional", "segmental"),
    ],
)
def test_suspicious_terms_are_commoner_in_higher_categories(
    findings: dict[str, list[Finding]], term: str, harmless: str, suspicious: str
) -> None:
    def share(category: str, word: str) -> float:
        words = [getattr(finding, term) for finding in findings[category] if getattr(finding, term)]
        return words.count(word) / len(words)

    assert share("3", harmless) > share("4", harmless) >= share("5", harmless)
    assert share("3", suspicious) <= share("4", suspicious) < share("5", suspicious)


def test_terms_fit_the_kind(findings: dict[str, list[Finding]]) -> None:
    for finding in (finding for drawn in findings.values() for finding in drawn):
        mass = finding.kind in ("mass", "mass-with-calcifications")
        calcified = finding.kind in ("calcifications", "mass-with-calcifications")
        assert bool(finding.shape) == bool(finding.margin) == mass
        assert bool(finding.density) == (mass or finding.kind == "asymmetry")
        assert bool(finding.morphology) == bool(finding.distribution) == calcified
