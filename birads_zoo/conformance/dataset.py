"""A data set's `recognise` on folders that are its own and that are not."""

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
"""Files that are no data set, whoever reads them."""
_PATIENCE = 5.0  # seconds for a list of `MOST` names


def try_recognise(spec: DatasetSpec, example: Path | None) -> Iterator[str]:
    """Yield warnings.

    Raises:
        BrokenContractError: where `recognise` does not say what its contract asks for.

    """
    if spec.recognise is None:
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        require(not _said(spec, folder, ()), "`recognise` takes an empty folder for its own")
        for name, content in _FOREIGN.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        files = (*files_near(folder), "gone.csv", "gone.xlsx", "reports/gone.dcm")
        why = _said(spec, folder, files)
        require(not why, f"`recognise` takes a folder of letters and accounts for its own: {why!r}")
        many = tuple(f"reports/{number:05}.txt" for number in range(MOST))
        start = time.monotonic()
        why = _said(spec, folder, many)
        require(not why, f"`recognise` takes a folder of texts for its own: {why!r}")
        if (took := time.monotonic() - start) > _PATIENCE:
            yield f"`recognise` took {took:.0f} s for {MOST} names: look at names, and open a few tables at most"
    if example is not None:
        require(bool(_said(spec, example, files_near(example))), f"`recognise` does not know its own folder {example}")


def _said(spec: DatasetSpec, folder: Path, files: Sequence[str]) -> str:
    assert spec.recognise is not None
    said: object = spec.recognise(folder, files)
    require(isinstance(said, str), f"`recognise` returned a value of type {type(said).__name__}, not a text")
    assert isinstance(said, str)
    return said
