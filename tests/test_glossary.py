"""docs/glossary.md: short, in order, linked, and obeyed by the names in the code."""

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
TERMS = dict(re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", GLOSSARY, flags=re.MULTILINE))
WORDS = """
asked climb climbs desk found judge judged judges judging ladder ladders mine rehearsal rehearse rehearsed rehearses
rehearsing rises rung rungs said seat seats tell tells told
"""
REPLACED = frozenset(WORDS.split())
"""Words that the glossary's terms have replaced, or that do not say what a thing is: no name has one as a part."""
REPLACED_ALONE = frozenset({"Judged", "Kind", "Verdict", "one", "ones", "ours", "theirs"})
"""Names that say too little by themselves, and may be part of a longer one."""
PYTHONS_OWN = frozenset({"FileNotFoundError", "ModuleNotFoundError", "PackageNotFoundError"})
FILES = sorted(
    path for folder in ("birads_zoo", "plugins", "bench", "examples") for path in (ROOT / folder).rglob("*.py")
)


def test_there_are_at_most_forty_terms_in_order():
    lines = [line for line in GLOSSARY.splitlines() if line.startswith("| **")]
    assert len(TERMS) == len(lines), "a term has two entries, or an entry has another form"
    assert 20 <= len(TERMS) <= 40
    assert list(TERMS) == sorted(TERMS, key=str.lower)


@pytest.mark.parametrize("term", TERMS)
def test_an_entry_is_one_or_two_sentences(term):
    sentences = re.findall(r"[.](?= |$)", TERMS[term])
    assert TERMS[term].endswith(".")
    assert 1 <= len(sentences) <= 2, TERMS[term]


@pytest.mark.parametrize("page", ["README.md", "docs/api.md", "docs/architecture.md", "docs/plugins.md"])
def test_it_is_linked(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "(docs/glossary.md)" in text or "(glossary.md)" in text


def test_no_name_in_the_code_has_a_replaced_word():
    assert len(FILES) > 100, "the folders have moved"
    uses = [f"{path.relative_to(ROOT)}:{use}" for path in FILES for use in replaced_words(path.read_text("utf-8"))]
    uses += [f"{path.relative_to(ROOT)}: the file" for path in FILES if words_of(path.stem) & REPLACED]
    assert not uses, "\n".join(uses)


@pytest.mark.parametrize("name", ["mine", "is_mine", "MINE", "MineOrNot", "notMine", "_mine2"])
def test_a_replaced_word_is_seen_in_any_spelling(name):
    assert replaced_words(f"x = 1\ndef f({name}):\n    return 'mine' # mine\n") == [f"2: {name}"]


def test_a_longer_word_is_another():
    assert replaced_words("determined = miner = minerals\n") == []


def test_a_name_that_is_replaced_alone_may_be_an_attribute_or_a_part():
    assert replaced_words("ones = torch.ones(2)\nonly_ones = 1\n", frozenset({"ones"})) == ["1: ones"]


def replaced_words(source: str, alone: frozenset[str] = REPLACED_ALONE) -> list[str]:
    """Return the line and the text of each name in Python source that should have been replaced."""
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    uses = []
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type != tokenize.NAME or token.string in PYTHONS_OWN:
            continue
        attribute = before is not None and before.string == "."  # torch.ones is torch's name
        if (token.string in alone and not attribute) or words_of(token.string) & REPLACED:
            uses.append(f"{token.start[0]}: {token.string}")
    return uses


def words_of(name: str) -> set[str]:
    """Split a name at underscores, digits and capitals: `notMine_2` → {not, mine}."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
