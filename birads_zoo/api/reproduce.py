"""`birads_zoo.reproduce`: repeats a finished run, and says whether its results are the same bit by bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.api.opening import open_host, open_screen

if TYPE_CHECKING:
    from birads_zoo.runs.reproduction import Reproduction


def reproduce(
    run: Path | str,
    *,
    root: Path | str | None = None,
    device: str = "auto",
    out: Path | str = "runs",
    plugins: Sequence[Path | str] = (),
    progress: bool = True,
) -> Reproduction:
    """Repeat a finished run from its recipe and its data, and compare the two bit by bit.

    The result is also written to `reproduction.json` in the folder of the repetition.

    Args:
        run: the folder of the run.
        root: the new folder of the run's data, if it was moved.
        device: "auto", "cpu", "cuda" or "cuda:N".
        out: the folder in which the repetition's folder is made.
        plugins: plugin files to load in addition to the installed plugins and those that a registry.toml in the working
            directory names.
        progress: show progress on stderr.

    Raises:
        UserError: when the run is not finished or was changed, or its data is gone or has changed.

    """
    from birads_zoo.files import check_folder
    from birads_zoo.pipeline import run as run_pipeline
    from birads_zoo.runs.finished import prepare_again, read_run
    from birads_zoo.runs.folder import read_recipe
    from birads_zoo.runs.reproduction import compare

    check_folder(Path(out))
    _, host = open_host(plugins)
    screen = open_screen(progress)
    former = read_run(Path(run), host)
    prepare_again(former, host, screen, None if root is None else Path(root))  # refuses other data
    recipe = read_recipe(former.folder).replace({"tracking": {}})
    if root is not None:
        recipe = recipe.replace({"dataset.root": str(root)})
    again = run_pipeline(recipe, host, Path(out), device, screen)
    return compare(former, read_run(again.folder, host))
