"""`birads_zoo.verify`: checks that the files of runs, a study, a model or the cache are what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from birads_zoo.data.cache_folder import cache_root
from birads_zoo.errors import UserError
from birads_zoo.files.refusal import refusal_of

_Check = Callable[[], list[str]]


def verify(path: Path | str | None = None) -> tuple[str, ...]:
    """Check every file of a finished run, a study, an exported model or the cache by its digest.

    Args:
        path: the folder of a run, of several runs, of a study or of a model; by default the cache (see BIRADS_ZOO_CACHE
            in the README).

    Returns:
        A sentence for each file that is missing, was changed or cannot be read, for each run that is not finished, and
        for each folder between runs that is none; () if all is as it was written.

    Raises:
        UserError: when the folder is none of these.

    """
    folder = cache_root() if path is None else Path(path)
    problems: list[str] = []
    for check in _checks(folder, is_cache=path is None):
        try:
            problems += check()
        except (OSError, UserError) as error:
            problems.append(str((isinstance(error, OSError) and refusal_of(error)) or error))
    return tuple(problems)


def _checks(folder: Path, *, is_cache: bool) -> Iterator[_Check]:
    """Yield a check for each run, store and file below `folder`. It returns problems, or raises one."""
    from birads_zoo.artifact.manifest import NAME

    if (folder / "recipe.toml").is_file():
        yield partial(_of_run, folder)
    elif (folder / NAME).is_file():
        yield partial(_of_model, folder)
    elif (folder / "study.toml").is_file():
        yield from _of_runs(folder / "runs")
    elif is_cache or (folder / "pixels").is_dir() or (folder / "features").is_dir():
        yield from (partial(_of_store, path.parent) for path in sorted(folder.glob("pixels/*/manifest.json")))
        yield from (partial(_of_features, path) for path in sorted(folder.glob("features/*.safetensors")))
    elif any(folder.glob("*/recipe.toml")):
        yield from _of_runs(folder)
    else:
        raise UserError(f"{folder} is no run, study, exported model or cache: there is nothing to verify")


def _of_runs(folder: Path) -> Iterator[_Check]:
    # Names that begin with a dot are those of locks and temporary folders.
    yield from (partial(_of_run, path) for path in sorted(folder.glob("[!.]*")) if path.is_dir())


def _of_run(folder: Path) -> list[str]:
    from birads_zoo.explanation.files import changed_explanations
    from birads_zoo.runs.completion import changed, is_whole

    if not (folder / "recipe.toml").is_file():
        return [f"{folder} is not a run: it has no recipe.toml"]
    if not is_whole(folder):
        return [f"{folder} is not finished; go on with: birads-zoo run --resume {folder}"]
    names = [*changed(folder), *changed_explanations(folder)]
    return [f"{folder / name} is missing or was changed after it was written" for name in names]


def _of_model(folder: Path) -> list[str]:
    from birads_zoo.artifact.manifest import read_manifest

    read_manifest(folder)
    return []


def _of_store(folder: Path) -> list[str]:
    from birads_zoo.data.store.pixels import checked_manifest

    checked_manifest(folder)
    return []


def _of_features(path: Path) -> list[str]:
    from birads_zoo.training.feature_store import read_features

    read_features(path)
    return []
