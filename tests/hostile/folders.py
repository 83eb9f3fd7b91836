"""Hostile folders: exported models, ONNX networks in them, and runs. Inputs that are no regular files."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from hostile.case import Base, Case, flipped, with_digest
from hostile.settings import WRONG

Change = Callable[[Path, Base], None]


def cases() -> Iterator[Case]:
    yield _model("whole", lambda folder, base: None, refused=False, control=True)
    yield _run("whole", lambda folder, base: None, refused=False, control=True)
    for name, values in _MANIFESTS.items():
        yield _model(f"with {name}", partial(_edit, values), refused=True)
    for number in range(20):
        yield _model(f"with manifest value {number} replaced", partial(_replace_a_value, number), refused=False)
    for number in range(6):
        yield _model(f"with bits flipped in file {number}", partial(_flip, number), refused=False)
    yield from (_model(name, change) for name, change in _model_changes())
    for file in _RUN_FILES:
        for name, change in _FILE_CHANGES.items():
            yield _run(f"whose {file} is {name}", partial(_on_file, file, change), refused=False)
    for number in range(16):
        yield _run(f"with value {number} of its tables replaced", partial(_edit_table, number), refused=False)
    for reader, file in _READERS.items():
        yield Case(name=f"FIFO for the reader {reader}", reader=reader, make=partial(_special, "fifo", file))
        yield Case(name=f"device for the reader {reader}", reader=reader, make=partial(_special, "device", file))
        yield Case(name=f"folder for the reader {reader}", reader=reader, make=partial(_special, "folder", file))
        yield Case(name=f"link to itself for the reader {reader}", reader=reader, make=partial(_special, "loop", file))


_READERS = {
    "picture": "a.png",
    "table": "a.xlsx",
    "dataset": "a.csv",
    "recipe": "a.toml",
    "registry": "registry.toml",
    "weights": "a.pth",
    "checkpoint": "best.safetensors",
    "document Cost": "a.json",
}


def _special(kind: str, file: str, folder: Path, base: Base) -> Path:
    path = folder / file
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    return path


# ── Exported models ──────────────────────────────────────────────────────────────────────────────────────────────


def _model(name: str, change: Change, *, refused: bool = True, control: bool = False) -> Case:
    def make(folder: Path, base: Base) -> Path:
        model = shutil.copytree(base.model, folder / "model")
        change(model, base)
        return model

    return Case(name=f"model {name}", reader="model", make=make, refused=refused, control=control)


def read_manifest(model: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((model / "manifest.json").read_text())
    return values


def write_manifest(model: Path, values: object) -> None:
    (model / "manifest.json").write_text(with_digest(json.dumps(values)))


def checked(model: Path, values: dict[str, Any]) -> None:
    """Write a manifest with the checksums of the present files, as an attacker would."""
    values["files"] = {
        name: hashlib.sha256((model / name).read_bytes()).hexdigest()
        for name in values["files"]
        if (model / name).is_file()
    }
    write_manifest(model, values)


_MANIFESTS: dict[str, dict[str, Any]] = {
    "pictures of 10⁹ rows": {"recipe.image.height": 10**9},
    "pictures of 2⁶³ columns": {"recipe.image.width": 2**63},
    "prepared pictures of 10⁶×10⁶": {"preprocessing.image.height": 10**6, "preprocessing.image.width": 10**6},
    "a hidden layer of 10¹⁰": {"recipe.model.hidden": 10**10},
    "10⁹ channels": {"recipe.model.channels": 10**9},
    "prepared pictures of 0 columns": {"preprocessing.image.width": 0},
    "no class": {"classes": []},
    "a class twice": {"classes": ["a", "a", "b", "c"]},
    "100,000 classes": {"classes": [str(number) for number in range(100_000)]},
    "no fold": {"folds": []},
    "a file outside": {"files": {"../../secret.txt": "0" * 64}},
    "an absolute file": {"files": {"/etc/passwd": "0" * 64}},
    "NUL in a file's name": {"files": {"a\0b": "0" * 64}},
    "a file name of 5000 letters": {"files": {"a" * 5000: "0" * 64}},
    "a surrogate in a file's name": {"files": {"\ud800": "0" * 64}},
    "its own folder as a file": {"files": {".": "0" * 64}},
    "a wrong checksum": {"files": {"reference.safetensors": "x"}},
    "an unknown kind": {"kind": "pickle"},
    "an exported program": {"kind": "exported-program"},
    "ONNX that is safetensors": {"kind": "onnx"},
    "an unknown backbone": {"recipe.model.backbone": "\x1b[31mno-such"},
    "an unknown loss": {"recipe.loss.name": "no-such"},
    "another backbone": {"recipe.model.backbone": "mobilenet_v2"},
    "another number of logits": {"outputs.logits": 10**6},
    "an explainer of no name": {"recipe.explainer.name": 3},
    "views that do not exist": {"recipe.dataset.views": "all"},
    "weights that are not a file": {"folds.0.weights": "../secret"},
    "a temperature of 0": {"folds.0.temperature": 0},
    "a shift of one value": {"folds.0.shift": [1]},
    "a statistic less": {"training_range.statistics": {}},
}


def _edit(changes: dict[str, Any], model: Path, base: Base) -> None:
    values = read_manifest(model)
    for key, value in changes.items():
        *path, last = key.split(".")
        place: Any = values
        for name in path:
            place = place[int(name)] if isinstance(place, list) else place[name]
        place[last] = value
    write_manifest(model, values)


def _leaves(values: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in children:
        yield (*path, key)
        yield from _leaves(value, (*path, key))


def _replace_a_value(number: int, model: Path, base: Base) -> None:
    values = read_manifest(model)
    places = [place for place in _leaves(values) if place[0] not in ("format", "birads_zoo", "digest", "files")]
    *path, last = places[(number * 37) % len(places)]
    inner: Any = values
    for key in path:
        inner = inner[key]
    inner[last] = "@"
    (model / "manifest.json").write_text(with_digest(json.dumps(values).replace('"@"', WRONG[number % len(WRONG)])))


def _flip(number: int, model: Path, base: Base) -> None:
    import random

    files = sorted(path for path in model.iterdir() if path.suffix == ".safetensors")
    path = files[number % len(files)]
    path.write_bytes(flipped(2, path.read_bytes(), random.Random(number), near=True))
    checked(model, read_manifest(model))


def _model_changes() -> Iterator[tuple[str, Change]]:
    from hostile.networks import changes

    yield "that is empty", lambda model, base: _emptied(model)
    yield "that is a file", lambda model, base: (shutil.rmtree(model), model.write_text("x"))[0]
    yield "whose manifest is a FIFO", lambda model, base: _as_fifo(model / "manifest.json")
    yield "whose weights are a FIFO", lambda model, base: _as_fifo(model / "fold-0.safetensors")
    yield "whose reference is a FIFO", lambda model, base: _as_fifo(model / "reference.safetensors")
    yield "whose weights are a device", lambda model, base: _linked(model / "fold-0.safetensors", "/dev/zero")
    yield "without weights", lambda model, base: (model / "fold-0.safetensors").unlink()
    yield from changes()


def _emptied(model: Path) -> None:
    shutil.rmtree(model)
    model.mkdir()


# ── Runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_RUN_FILES = (
    *("recipe.toml", "environment.json", "metrics.json", "metrics.jsonl", "complete.json", "predictions.csv"),
    *("validation.csv", "checkpoints/fold-0/best.safetensors"),
)


def _run(name: str, change: Change, *, refused: bool = True, control: bool = False) -> Case:
    def make(folder: Path, base: Base) -> Path:
        run = shutil.copytree(base.run, folder / "run", ignore=shutil.ignore_patterns("figures", "model-*"))
        change(run, base)
        _completed(run)
        return run

    return Case(name=f"run {name}", reader="run", make=make, refused=refused, control=control)


def _completed(run: Path) -> None:
    """Write the digests of the present files into complete.json, as an attacker would."""
    if not (run / "complete.json").is_file():
        return
    try:
        values = json.loads((run / "complete.json").read_text())
    except ValueError:
        return  # it is what was changed
    for name in values["files"]:
        if (run / name).is_file():
            values["files"][name] = hashlib.sha256((run / name).read_bytes()).hexdigest()
    (run / "complete.json").write_text(with_digest(json.dumps(values)))


def _on_file(file: str, change: Callable[[Path], object], run: Path, base: Base) -> None:
    change(run / file)


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _as_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _linked(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _as_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _edit_table(number: int, run: Path, base: Base) -> None:
    """Replace a cell or a name of a column in the first rows of predictions.csv, or a value of metrics.jsonl."""
    if number % 4 == 3:
        lines = (run / "metrics.jsonl").read_text().splitlines()
        values = json.loads(lines[0])
        key = sorted(values)[number // 4]
        lines[0] = json.dumps(values | {key: "@"}).replace('"@"', WRONG[number % len(WRONG)])
        (run / "metrics.jsonl").write_text("\n".join(lines))
        return
    path = run / "predictions.csv"
    lines = path.read_text().splitlines()
    at = number % 2
    cells = lines[at].split(",")
    cells[(5 * number) % len(cells)] = ("nan", "", "-1", "1e999", "x" * 100_000, "9" * 5000)[number % 6]
    lines[at] = ",".join(cells)
    path.write_text("\n".join(lines))


_FILE_CHANGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "a folder": _as_folder,
    "a FIFO": _as_fifo,
    "cut": _as_half,
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 9),
}
