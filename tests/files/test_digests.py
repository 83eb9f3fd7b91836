"""Digests are those of the libraries, and find every change."""

import hashlib

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as some

from birads_zoo.files import digests
from birads_zoo.files.digests import changed_files, digest_of_values, quick_digest, sha256


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 40])
def test_a_files_digest_does_not_depend_on_how_it_is_read(tmp_path, monkeypatch, size):
    monkeypatch.setattr(digests, "_BLOCK", 8)
    path, content = tmp_path / "a", bytes(range(size))
    path.write_bytes(content)
    assert quick_digest(path) == xxhash.xxh3_128_hexdigest(content)
    assert sha256(path) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("digest", [quick_digest, sha256])
def test_a_flipped_bit_changes_it(tmp_path, digest):
    path, seen = tmp_path / "a", set()
    for bit in range(128):
        path.write_bytes((1 << bit).to_bytes(16, "little"))
        seen.add(digest(path))
    assert len(seen) == 128


@pytest.mark.parametrize("digest", [quick_digest, sha256])
def test_files_that_changed_or_are_gone_are_named(tmp_path, digest):
    known = {}
    for name in ("same", "changed", "gone", "folder"):
        (tmp_path / name).write_text(name)
        known[name] = digest(tmp_path / name)
    assert changed_files(tmp_path, known, digest) == []
    (tmp_path / "changed").write_text("Changed")
    (tmp_path / "gone").unlink()
    (tmp_path / "folder").unlink()
    (tmp_path / "folder").mkdir()
    (tmp_path / "another").touch()
    assert changed_files(tmp_path, known, digest) == ["changed", "gone", "folder"]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        quick_digest(tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        sha256(tmp_path / "gone")


_values = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**63), 2**63) | some.floats(allow_nan=False) | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=8,
)


def _reversed(value):
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=40)
@given(_values)
def test_the_order_of_keys_has_no_influence(value):
    assert digest_of_values(_reversed(value)) == digest_of_values(value)


@pytest.mark.parametrize(
    "other", [{"a": [2, 1]}, {"a": [1, 2.0]}, {"a": [1, "2"]}, {"a": [1, 2, None]}, {"b": [1, 2]}, {}]
)
def test_other_values_have_another_digest(other):
    assert digest_of_values(other) != digest_of_values({"a": [1, 2]})
