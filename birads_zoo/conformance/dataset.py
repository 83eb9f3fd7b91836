"""Tries a data set's `recognise` on its own folder and on other folders."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from birads_zoo.conformance.contract import require
from birads_zoo.inspection.top_files import MOST, files_near
from birads_zoo.interfaces import DatasetSpec

_FOREIGN = {
    "notes.txt": b"to do",
    "accounts.csv": b"day,amount\n1,2.50\n",
    "damaged.csv": b"\xff\xfe\x00,\x00\n\x81",
    "damaged.xlsx": b"PK no workbook",
    "reports/2019/letter.pdf": b"%PDF-1.4",
    "reports/damaged.dcm": b"no picture",
}
"""Files that belong to no data set."""
_PATIENCE = 5.0  # seconds for a list of `MOST` names


def try_recognise(spec: DatasetSpec, example: Path | None) -> Iterator[str]:
    """Try `recognise` and yield warnings.

    Raises:
        BrokenContractError: where `recognise` takes a wrong folder, or does not take `example`.

    """
    if spec.recognise is None:
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        require(not _reason(spec, folder, ()), "`recognise` takes an empty folder")
        for name, content in _FOREIGN.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        files = (*files_near(folder), "gone.csv", "gone.xlsx", "reports/gone.dcm")
        reason = _reason(spec, folder, files)
        require(not reason, f"`recognise` takes a folder of letters and accounts: {reason!r}")
        many = tuple(f"reports/{number:05}.txt" for number in range(MOST))
        start = time.monotonic()
        reason = _reason(spec, folder, many)
        require(not reason, f"`recognise` takes a folder of texts: {reason!r}")
        if (took := time.monotonic() - start) > _PATIENCE:
            yield f"`recognise` took {took:.0f} s for {MOST} names: look at names only, and open a few tables at most"
    if example is not None:
        reason = _reason(spec, example, files_near(example))
        require(bool(reason), f"`recognise` does not take its own folder {example}")


def _reason(spec: DatasetSpec, folder: Path, files: Sequence[str]) -> str:
    assert spec.recognise is not None
    reason: object = spec.recognise(folder, files)
    require(isinstance(reason, str), f"`recognise` returned a value of type {type(reason).__name__}, not a text")
    assert isinstance(reason, str)
    return reason
