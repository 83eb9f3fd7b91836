"""A value is written to a file and read back unchanged; any other content is one sentence."""

import json
from typing import ClassVar

import msgspec
import pytest

from birads_zoo.errors import UserError
from birads_zoo.files import StorageError, documents
from birads_zoo.files.digests import digest_of_values
from birads_zoo.version import __version__


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    share: float


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    FORMAT: ClassVar[int] = 3

    name: str
    by_number: dict[int, tuple[str, str]]
    inner: Inner
    later: int | None = None


THING = Thing(name="Größe", by_number={7: ("a", "b")}, inner=Inner(share=0.1 + 0.2))


@pytest.fixture
def path(tmp_path):
    documents.write(tmp_path / "thing.json", THING)
    return tmp_path / "thing.json"


def refused(path):
    with pytest.raises(UserError) as error:
        documents.read(path, Thing, "make it again")
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(path)) or str(error.value).startswith(f"cannot read {path}")
    return str(error.value).removeprefix(str(path))


def test_a_file_that_cannot_be_read_just_now_or_may_not_be_is_not_called_damaged(path, refusal):
    with pytest.raises(StorageError, match=f"^cannot read {path}: {refusal}; ") as error:
        documents.read(path, Thing, "make it again")
    assert "make it again" not in str(error.value)


def test_it_comes_back_to_the_last_bit(path):
    assert documents.read(path, Thing, "") == THING
    assert path.read_text() == documents.encode(THING)


def test_the_format_the_version_and_the_digest_come_first(path):
    first, values = list(json.loads(path.read_text()).items())[:3], json.loads(msgspec.json.encode(THING))
    assert first == [("format", 3), ("birads_zoo", __version__), ("digest", digest_of_values(values))]


def test_the_version_is_the_packages():
    from importlib.metadata import version

    assert __version__ == version("birads-zoo"), "the installed version is another one: re-install with `make install`"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_never_written(tmp_path, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        documents.write(tmp_path / "thing.json", msgspec.structs.replace(THING, inner=Inner(share=number)))
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_a_newer_version_added_is_passed_over_and_a_missing_one_has_its_default(path, edited):
    with edited(path) as values:
        del values["later"]
        values |= {"new": 1, "inner": values["inner"] | {"newer": []}}
    assert documents.read(path, Thing, "") == THING


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": None}, " was written by an older birads-zoo (it has no format number); make it again"),
        (
            {"format": 4, "birads_zoo": "9.1"},
            f" was written by birads-zoo 9.1 in format 4, and this one ({__version__}) reads format 3; make it"
            " again, or use the version that wrote it",
        ),
        (
            {"format": 2, "birads_zoo": None},
            f" was written by another birads-zoo in format 2, and this one ({__version__}) reads format 3; make it"
            " again, or use the version that wrote it",
        ),
        ({"format": "3"}, " is damaged (Expected `int | null`, got `str` - at `$.format`); make it again"),
        ({"name": 5}, " is damaged (Expected `str`, got `int` - at `$.name`); make it again"),
        ({"inner": {}}, " is damaged (Object missing required field `share` - at `$.inner`); make it again"),
        ({"inner": {"share": "x"}}, " is damaged (Expected `float`, got `str` - at `$.inner.share`); make it again"),
        ({"inner": {"share": None}}, " is damaged (Expected `float`, got `null` - at `$.inner.share`); make it again"),
    ],
)
def test_another_format_and_wrong_keys_have_their_own_messages(path, edited, changes, sentence):
    with edited(path) as values:
        values |= changes
    assert refused(path) == sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"digest": None}, " was written by an older birads-zoo (it has no digest); make it again"),
        ({"digest": "0" * 32}, " was changed after it was written; make it again"),
        ({"digest": 5}, " is damaged (Expected `str | null`, got `int` - at `$.digest`); make it again"),
        ({"name": "Grösse"}, " was changed after it was written; make it again"),
        ({"inner": {"share": 0.3}}, " was changed after it was written; make it again"),
        ({"by_number": {"8": ["a", "b"]}}, " was changed after it was written; make it again"),
        ({"new": 1}, " was changed after it was written; make it again"),
        ({"name": 5}, " was changed after it was written; make it again"),
    ],
)
def test_a_value_that_was_changed_is_noticed(path, changes, sentence):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    assert refused(path) == sentence


def test_the_digest_is_of_the_values_and_not_of_their_layout(path):
    values = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(values.items()))))
    assert documents.read(path, Thing, "") == THING


def test_a_flipped_bit_anywhere_is_noticed(path):
    content = path.read_bytes()
    for place in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            assert documents.read(path, Thing, "") == THING, place
        except UserError:
            continue
        about = json.loads(damaged)
        assert about["birads_zoo"] != __version__ or about == json.loads(content), "only the version may be another"


def test_another_format_is_reported_even_if_its_keys_differ(path):
    path.write_text('{"format": 4, "birads_zoo": "9.1", "renamed": true}')
    assert "by birads-zoo 9.1 in format 4" in refused(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[1]",
        b"\xff\xfe",
        b'{"name": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"name": NaN}',
        b'{"name": 1e999}',
        b"\0" * 64,
    ],
    ids=lambda content: repr(content[:12]),
)
def test_damage_is_one_sentence(path, content):
    path.write_bytes(content)
    assert refused(path).startswith(" is damaged (")


def test_every_place_where_a_file_can_be_cut_off_is_noticed(path):
    whole = path.read_bytes().rstrip()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert refused(path).startswith(" is damaged (")


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    assert refused(tmp_path / "thing.json").endswith("thing.json: No such file or directory; make it again")
    assert refused(tmp_path).endswith(": Is a directory; make it again")
