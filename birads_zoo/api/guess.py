"""`birads_zoo.guess`: which data sets a folder looks like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.api.opening import open_host
from birads_zoo.errors import UserError

if TYPE_CHECKING:
    from birads_zoo.inspection.recognition import Guess


def guess(root: Path | str, *, plugins: Sequence[Path | str] = ()) -> tuple[Guess, ...]:
    """Say which data sets a folder looks like: by names of files and tables' headers, no picture is decoded.

    Args:
        root: the folder.
        plugins: plugin files to load, as in `run`.

    Returns:
        the data sets that fit, each with the reason, a data set in whose layout another of them is written behind that;
        those that read anybody's data, such as "image-folder", only where no other fits. Empty where nothing does.

    Raises:
        UserError: for a folder that is not there.

    """
    folder = Path(root)
    if not folder.exists():
        raise UserError(f"no such folder: {folder}")
    if not folder.is_dir():
        raise UserError(f"{folder} is a file: give the folder of a data set")
    _, host = open_host(plugins)
    from birads_zoo.inspection.recognition import recognise

    return recognise(folder, host)
