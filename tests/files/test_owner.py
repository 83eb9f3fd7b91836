"""Only folders that no other user can write are trusted."""

import os
import sys

import pytest

from birads_zoo.errors import UserError
from birads_zoo.files.owner import check_owner

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")

SOMEBODY = 12345
REMEDY = "so it is not trusted; set BIRADS_ZOO_CACHE to a folder that only you can write"


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o775, 0o500])
def test_a_users_own_folder_is_trusted(tmp_path, mode):
    tmp_path.chmod(mode)
    assert check_owner(tmp_path) is None, "it does not raise"


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_folder_that_everybody_can_write_is_not(tmp_path, mode):
    tmp_path.chmod(mode)
    with pytest.raises(UserError) as refused:
        check_owner(tmp_path)
    assert str(refused.value) == f"{tmp_path} can be written by every user, {REMEDY}"


def test_a_file_that_everybody_can_write_is_not(tmp_path):
    path = tmp_path / "a.safetensors"
    path.touch()
    check_owner(path)
    path.chmod(0o666)
    with pytest.raises(UserError, match="can be written by every user"):
        check_owner(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_not_and_the_administrators_is(tmp_path, monkeypatch):
    os.chown(tmp_path, SOMEBODY, -1)
    with pytest.raises(UserError) as refused:
        check_owner(tmp_path)
    assert str(refused.value) == f"{tmp_path} belongs to another user, {REMEDY}"
    monkeypatch.setattr("os.geteuid", lambda: SOMEBODY)
    check_owner(tmp_path)
    os.chown(tmp_path, 0, -1)
    check_owner(tmp_path)
