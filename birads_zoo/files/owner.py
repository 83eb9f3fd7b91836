"""Checks who can write a folder: what is kept there between runs is trusted only if no other user can change it."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from birads_zoo.errors import UserError


def check_owner(path: Path) -> None:
    """Refuse a file or folder of another user, or that everybody can write; the administrator's are trusted.

    It must exist. On Windows nothing is checked: a user's folder for caches is that user's alone there.

    Raises:
        UserError: if another user owns `path` or anybody can write it.

    """
    if sys.platform == "win32":
        return
    about = path.stat()
    if about.st_uid not in (os.geteuid(), 0):
        reason = "belongs to another user"
    elif about.st_mode & stat.S_IWOTH:
        reason = "can be written by every user"
    else:
        return
    raise UserError(f"{path} {reason}, so it is not trusted; set BIRADS_ZOO_CACHE to a folder that only you can write")
