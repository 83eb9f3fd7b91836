"""`birads_zoo.verify`: checks that the files of a run, a study, a model or the cache are what was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from birads_zoo.data.cache_folder import cache_root
from birads_zoo.errors import UserError


def verify(path: Path | str | None = None) -> tuple[str, ...]:
    """Check every file of a finished run, a study, an exported model or the cache by its digest.

    Args:
        path: the folder of a run, a study or a model; by default the cache (see BIRADS_ZOO_CACHE in the README).

    Returns:
        A sentence for each file that is missing or was changed, and for each run that is not finished; () if all is as
        it was written.

    Raises:
        UserError: when the folder is none of these.

    """
    folder = cache_root() if path is None else Path(path)
    return tuple(_problems(folder, is_cache=path is None))


def _problems(folder: Path, *, is_cache: bool) -> Iterator[str]:
    from birads_zoo.artifact.manifest import NAME

    if (folder / "study.toml").is_file():
        for run in sorted((folder / "runs").iterdir()):
            yield from _of_run(run)
    elif (folder / "recipe.toml").is_file():
        yield from _of_run(folder)
    elif (folder / NAME).is_file():
        yield from _of_model(folder)
    elif is_cache or (folder / "pixels").is_dir() or (folder / "features").is_dir():
        yield from _of_cache(folder)
    else:
        raise UserError(f"{folder} is no run, study, exported model or cache: there is nothing to verify")


def _of_run(folder: Path) -> Iterator[str]:
    from birads_zoo.runs.completion import changed, is_whole

    if not (folder / "recipe.toml").is_file():
        yield f"{folder} is not a run: it has no recipe.toml"
    elif not is_whole(folder):
        yield f"{folder} is not finished; go on with: birads-zoo run --resume {folder}"
    else:
        try:
            yield from (
                f"{folder / name} is missing or was changed after the run had finished" for name in changed(folder)
            )
        except UserError as error:
            yield str(error)


def _of_model(folder: Path) -> Iterator[str]:
    from birads_zoo.artifact.manifest import read_manifest

    try:
        read_manifest(folder)
    except UserError as error:
        yield str(error)


def _of_cache(folder: Path) -> Iterator[str]:
    from birads_zoo.data.store.pixels import damage_of_store
    from birads_zoo.training.feature_store import damage_of_features

    if (folder / "pixels").is_dir():
        for store in sorted(path for path in (folder / "pixels").iterdir() if (path / "manifest.json").exists()):
            yield from damage_of_store(store)
    if (folder / "features").is_dir():
        for path in sorted((folder / "features").glob("*.safetensors")):
            yield from damage_of_features(path)
