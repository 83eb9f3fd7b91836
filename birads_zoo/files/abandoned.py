"""Names temporary files and folders, and removes those of processes that were killed."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from birads_zoo.files.locks import locked

_YOUNG = 60.0  # seconds in which another process may still be about to lock what it made


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def temporary_name(path: Path) -> str:
    """Return a name for a temporary file or folder that will become `path`, with the ending of `path`.

    It has the machine and the process in it, and no other program makes such names.
    """
    stem = path.name.removesuffix(path.suffix).encode("utf-8", "surrogateescape")[:100].decode("utf-8", "ignore")
    return f".{stem}.birads-zoo-{_host()}-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}"


@contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """Make an empty folder that only this user can read, among the system's temporary files, for the block.

    Those of processes that were killed in their block are removed first.
    """
    place = Path(tempfile.gettempdir())
    clear_abandoned(place)
    folder = place / temporary_name(Path(name))
    folder.mkdir(mode=0o700)
    try:
        with locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clear_abandoned(folder: Path) -> None:
    """Remove the temporary files and folders in `folder` that processes on this machine left when they were killed.

    These are the ones that no process locks, and whose process no longer exists or which are older than a minute: a
    process that has just made one may be about to lock it.
    """
    pattern = re.compile(rf"\..*\.birads-zoo-{_host()}-(\d+)-[0-9a-f]{{8}}(\.[^.]*)?")
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if match := pattern.fullmatch(path.name):
                _remove(path, int(match[1]))


def _remove(path: Path, process: int) -> None:
    with contextlib.suppress(OSError), locked(path) as acquired:
        if acquired and (not _exists(process) or time.time() - path.lstat().st_mtime > _YOUNG):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
