import pytest

from birads_zoo.files.toml_text import parse_toml


def test_toml_is_parsed():
    assert parse_toml('a.b = 1\nc = [0.5, "x.y"]\n') == {"a": {"b": 1}, "c": [0.5, "x.y"]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = " + "[" * 500 + "]" * 500, "nested too deeply"),
        ("a = " + "{b = " * 50_000, "nested too deeply"),
        ("a." * 100 + "b = 1", "a key of more than 100 parts"),
        ("x = {" + "a . " * 100 + "b = 1}", "a key of more than 100 parts"),
        ("a = " + "1" * 5000, "a value that cannot be read"),
        ("a = 2019-02-31", "a value that cannot be read|Invalid date"),
        ("#" * 2_000_001, "longer than 2,000,000 characters"),
        ("a = ", "Invalid value"),
    ],
)
def test_what_cannot_be_read_is_a_value_error(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_toml(text)


def test_many_fractions_in_a_line_are_no_long_key():
    assert len(parse_toml(f"a = [{'0.5, ' * 1000}]")["a"]) == 1000
