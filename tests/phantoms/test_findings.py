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
def test_all_terms_come_up_and_none_is_one_categorys_own(findings: dict[str, list[Finding]], term: str) -> None:
    seen = {category: Counter(getattr(one, term) for one in found) for category, found in findings.items()}
    named = set().union(*seen.values()) - {""}
    assert named == TERMS[term]
    for word in named:
        having = [category for category in "345" if seen[category][word] >= 3]
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
        told = [getattr(one, term) for one in findings[category] if getattr(one, term)]
        return told.count(word) / len(told)

    assert share("3", harmless) > share("4", harmless) >= share("5", harmless)
    assert share("3", suspicious) <= share("4", suspicious) < share("5", suspicious)


def test_terms_fit_the_kind(findings: dict[str, list[Finding]]) -> None:
    for one in (one for found in findings.values() for one in found):
        mass = one.kind in ("mass", "mass-with-calcifications")
        calcified = one.kind in ("calcifications", "mass-with-calcifications")
        assert bool(one.shape) == bool(one.margin) == mass
        assert bool(one.density) == (mass or one.kind == "asymmetry")
        assert bool(one.morphology) == bool(one.distribution) == calcified
