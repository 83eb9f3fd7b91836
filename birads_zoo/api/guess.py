"""`birads_zoo.guess`: lists the data sets that a folder looks like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.api.opening import open_host
from birads_zoo.errors import UserError

if TYPE_CHECKING:
    from birads_zoo.inspection.recognition import Guess


def guess(root: Path | str, *, plugins: Sequence[Path | str] = ()) -> tuple[Guess, ...]:
    """List the data sets that a folder looks like, from file names and tables' headers. No picture is decoded.

    Args:
        root: the folder.
        plugins: plugin files to load, as in `run`.

    Returns:
        the data sets that fit, each with the reason. A data set whose layout another one of them also has comes after
        that one. General readers, such as "image-folder", are listed only where no other data set fits. Empty if
        nothing fits.

    Raises:
        UserError: for a folder that does not exist.

    """
    folder = Path(root)
    if not folder.exists():
        raise UserError(f"no such folder: {folder}")
    if not folder.is_dir():
        raise UserError(f"{folder} is a file: give the folder of a data set")
    _, host = open_host(plugins)
    from birads_zoo.inspection.recognition import recognise

    return recognise(folder, host)
