"""Warnings point to the user's own line."""

import pytest

import birads_zoo as bz


def test_a_warning_points_to_the_line_that_called_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "registry.toml").write_text('[plugins]\nfiles = ["broken.py"]\n')
    with pytest.warns(bz.BiradsZooWarning, match="ZeroDivisionError") as caught:
        bz.list_backbones()
    assert [warning.filename for warning in caught] == [__file__]
