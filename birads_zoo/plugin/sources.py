"""Finds plugins: installed entry points and single files that the user named. Nothing else is loaded."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from birads_zoo.errors import UserError, unknown_name
from birads_zoo.interfaces import PROJECT


@dataclass(frozen=True, kw_only=True)
class Source:
    """One plugin before it is loaded.

    `label` is what users see ("acme-zoo 0.3", or a file's path). `part` is the name of the entry point ("" for a file).
    `file` returns the file of its text, without running it. `named` is true for a file that the user named for this
    run, so that it must not be left out when it is broken.
    """

    label: str
    part: str
    load: Callable[[], ModuleType]
    file: Callable[[], Path | None]
    named: bool = False

    @property
    def where(self) -> str:
        """How a problem names this plugin."""
        return f"plugin {self.label} (entry point {self.part!r})" if self.part else f"plugin {self.label}"


def entry_point_sources(disabled: Sequence[str]) -> tuple[list[Source], list[UserError]]:
    """Return the installed plugins that are not disabled, and an error for each disabled name that is unknown.

    A disabled name is a distribution's ("acme-zoo") or one entry point of it ("acme-zoo:losses").
    """
    sources, known, refused = [], set(), {_canonical(name) for name in disabled}
    for distribution, version, point in sorted(_points(), key=_bundled_first):
        names = {_canonical(distribution), _canonical(f"{distribution}:{point.name}")}
        known |= names
        if not names & refused:
            label, file = f"{distribution} {version}".rstrip(), partial(_file_of_module, point.module)
            sources.append(Source(label=label, part=point.name, load=point.load, file=file))
    unknown = [name for name in disabled if _canonical(name) not in known]
    return sources, [unknown_name("plugin in [plugins] disabled", name, known) for name in unknown]


def file_sources(named: Iterable[Path], registered: Iterable[Path]) -> Iterator[Source]:
    """Yield each single-file plugin once, those named for this run first."""
    seen = set()
    for path, is_named in [*((path, True) for path in named), *((path, False) for path in registered)]:
        if path.resolve() not in seen:
            seen.add(path.resolve())
            load, file = partial(load_file, path), partial(Path, path)
            yield Source(label=str(path), part="", load=load, file=file, named=is_named)


def describe(error: BaseException, label: str = "") -> str:
    """Describe an error in one line, with its line number in the plugin's file, if `label` is that file."""
    text = " ".join(str(error).split())
    summary = f"{type(error).__name__}: {text[:400]}" if text else type(error).__name__
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if _same_file(frame.filename, label)]
    return f"{summary} (line {lines[-1]})" if lines else summary


def missing_modules(names: Iterable[str]) -> list[str]:
    """Return which of the top-level modules are not installed, without importing them."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def load_file(path: Path) -> ModuleType:
    """Load a plugin file as a module with a unique name; raises `UserError` when there is no such Python file."""
    if not path.is_file():
        raise UserError(f"there is no plugin file {path}; give the path of a Python file")
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file; a plugin's name ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look a class's module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def loaded_file(path: Path) -> ModuleType:
    """Return the module of a plugin file that was loaded before."""
    return sys.modules[_module_name(path)]


def _module_name(path: Path) -> str:
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    return f"{PROJECT}_file_{re.sub(r'[^0-9A-Za-z]', '_', path.stem)}_{digest}"


def _file_of_module(name: str) -> Path | None:
    """Return the file of a module's text; `None` where there is none, or where a parent package fails at import."""
    try:
        spec = importlib.util.find_spec(name)
    except Exception:  # a parent package may raise anything at import
        return None
    return Path(spec.origin) if spec and spec.has_location and spec.origin else None


def _points() -> Iterator[tuple[str, str, EntryPoint]]:
    """Yield the project's entry points with their distributions' names and versions, reading each distribution once."""
    labels: dict[int, tuple[str, str]] = {}
    for point in entry_points(group=PROJECT):
        if id(point.dist) not in labels:
            metadata = point.dist.metadata if point.dist else {"Name": "unknown", "Version": ""}
            labels[id(point.dist)] = metadata["Name"], metadata["Version"]
        yield *labels[id(point.dist)], point


def _bundled_first(entry: tuple[str, str, EntryPoint]) -> tuple[bool, str, str]:
    distribution, _, point = entry
    return _canonical(distribution) != _canonical(PROJECT), _canonical(distribution), point.name


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _same_file(filename: str, label: str) -> bool:
    return label.endswith(".py") and Path(filename) == Path(label).resolve()
