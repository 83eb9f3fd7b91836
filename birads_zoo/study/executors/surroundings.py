"""What a machine must have in common with the study's process, so that its runs are those of the same study."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from birads_zoo.files.digests import digest_of_values, quick_digest
from birads_zoo.plugin.sources import Source, entry_point_sources, file_sources
from birads_zoo.recipes.registry import load_registry
from birads_zoo.study.executors.tasks import RECORD
from birads_zoo.version import __version__

_PACKAGE = Path(__file__).parents[2] / "__init__.py"
_MISSING = "missing"


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """The versions and the digests of the code on a machine, by name, and the digest of the study's record there."""

    code: dict[str, str]
    record: str

    @classmethod
    def here(cls, study: Path, plugin_files: Sequence[Path]) -> Surroundings:
        """Return those of this machine, for the study in a folder and the plugins of the working directory."""
        return cls(code=dict(_code(plugin_files)), record=_digest(study / RECORD))


def refusal(expected: Surroundings, study: Path, root: str, plugin_files: Sequence[Path]) -> str | None:
    """Return why this machine cannot execute runs of a study, in one sentence; `None` if it can.

    `study` is the study's folder, and `root` that of its data set ("" if it has none).
    """
    node = socket.gethostname()
    actual = Surroundings.here(study, plugin_files)
    for name in sorted(expected.code.keys() | actual.code.keys()):
        there, here = actual.code.get(name, _MISSING), expected.code.get(name, _MISSING)
        if there != here:
            return (
                f"{name} differs: {there} on {node}, {here} where the study was started; "
                "install the same on all nodes, and start the same command again"
            )
    if actual.record != expected.record or actual.record == _MISSING:
        return f"{node} does not see the study's folder {study}: choose one with --out that all nodes see"
    if root and not Path(root).exists():
        return f"{node} does not see the data set's folder {root}: it must have the same path on all nodes"
    return None


def _code(plugin_files: Sequence[Path]) -> Iterator[tuple[str, str]]:
    yield "birads-zoo", f"{__version__} ({_digest(_PACKAGE)})"
    yield "torch", version("torch")
    registry = load_registry()
    sources, _ = entry_point_sources(registry.disabled)
    for source in [*sources, *file_sources(plugin_files, registry.plugin_files)]:
        yield source.where, _digest_of_source(source)


def _digest_of_source(source: Source) -> str:
    file = source.file()
    return _MISSING if file is None else _digest(file)


def _digest(file: Path) -> str:
    """Return the digest of a file, or for a package's `__init__.py` that of all Python files of the package."""
    files = sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]
    try:
        digests = {path.relative_to(file.parent).as_posix(): quick_digest(path) for path in files}
    except OSError:
        return _MISSING
    return digest_of_values(digests)[:12]
