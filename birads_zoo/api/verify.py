"""`birads_zoo.verify`: checks that the files of runs, a study, a model or the cache are what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from birads_zoo.data.cache_folder import cache_root
from birads_zoo.errors import UserError
from birads_zoo.files.refusal import refusal_of

_Check = Callable[[], list[str] | None]


def verify(path: Path | str | None = None) -> tuple[str, ...]:
    """Check every file of a finished run, a study, an exported model or the cache by its digest.

    Of a study, its results are checked too, and whether its runs are those that the results were computed from.

    Args:
        path: the folder of a run, of several runs, of a study or of a model; by default the cache (see BIRADS_ZOO_CACHE
            in the README).

    Returns:
        A sentence for each file that is missing, was changed or cannot be read, for each run or study that is not
        finished, and for each folder between runs that is none; () if all is as it was written.

    Raises:
        UserError: when the folder is none of these.

    """
    folder = cache_root() if path is None else Path(path)
    return tuple(_problems(_checks(folder, is_cache=path is None)))


def _problems(checks: Iterable[_Check]) -> list[str]:
    """Return what the checks return, and a sentence for each that cannot be made."""
    problems: list[str] = []
    for check in checks:
        try:
            problems += check() or ()
        except (OSError, UserError) as error:
            problems.append(str(refusal_of(error) or error))
    return problems


def _checks(folder: Path, *, is_cache: bool) -> list[_Check]:
    """Return the checks of what is in `folder`. Each returns problems, or raises one."""
    from birads_zoo.artifact.manifest import NAME

    if (folder / "recipe.toml").is_file():
        return [partial(_of_run, folder)]
    if (folder / NAME).is_file():
        return [partial(_of_model, folder)]
    if (folder / "study.toml").is_file():
        return [partial(_of_runs, folder / "runs"), partial(_of_study, folder)]
    if not is_cache and any((inner / "recipe.toml").is_file() for inner in _entries(folder)):
        return [partial(_of_runs, folder)]
    if is_cache or any((folder / kind).is_dir() for kind in ("pixels", "features", "precisions")):
        return [
            partial(_of_stores, folder / "pixels"),
            partial(_of_files, folder / "features", ".safetensors", _of_features),
            partial(_of_files, folder / "precisions", ".json", _of_step_times),
        ]
    raise UserError(f"{folder} is no run, study, exported model or cache: there is nothing to verify")


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, if it exists, but for locks and temporary files, whose names begin with a dot."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []


def _of_runs(folder: Path) -> list[str]:
    return _problems(partial(_of_run, path) for path in _entries(folder) if path.is_dir())


def _of_study(folder: Path) -> list[str]:
    from birads_zoo.runs.completion import is_whole

    if not is_whole(folder):
        return [f"{folder} is not finished; start the study's command again (it is in {folder / 'study.toml'})"]
    return _changed(folder)


def _of_stores(folder: Path) -> list[str]:
    return _problems(partial(_of_store, path) for path in _entries(folder) if (path / "manifest.json").exists())


def _of_files(folder: Path, suffix: str, check: Callable[[Path], None]) -> list[str]:
    return _problems(partial(check, path) for path in _entries(folder) if path.suffix == suffix)


def _of_run(folder: Path) -> list[str]:
    from birads_zoo.runs.completion import is_whole

    if not (folder / "recipe.toml").is_file():
        return [f"{folder} is not a run: it has no recipe.toml"]
    if not is_whole(folder):
        unfinished = f"{folder} is not finished; go on with: birads-zoo run --resume {folder}"
        return [unfinished, *_of_checkpoints(sorted(folder.glob("checkpoints/*/*.safetensors")))]
    return _changed(folder)


def _of_checkpoints(paths: Iterable[Path]) -> list[str]:
    from birads_zoo.training.checkpoint import check_whole

    return _problems(partial(check_whole, path) for path in paths)


def _changed(folder: Path) -> list[str]:
    """Return a sentence for each file of a finished run or study that is not what was written."""
    from birads_zoo.explanation.files import changed_explanations
    from birads_zoo.runs.completion import changed

    names = [*changed(folder), *changed_explanations(folder)]
    return [f"{folder / name} is missing or was changed after it was written" for name in names]


def _of_model(folder: Path) -> None:
    from birads_zoo.artifact.manifest import read_manifest

    read_manifest(folder)


def _of_store(folder: Path) -> None:
    from birads_zoo.data.store.pixels import checked_manifest

    checked_manifest(folder)


def _of_features(path: Path) -> None:
    from birads_zoo.training.feature_store import read_features

    read_features(path)


def _of_step_times(path: Path) -> None:
    from birads_zoo.training.step_times import read_step_times

    read_step_times(path)
