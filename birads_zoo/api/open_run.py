"""`birads_zoo.open_run`: opens the folder of a finished run as a `Run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from birads_zoo.api.fields import listed
from birads_zoo.api.figures import Figures
from birads_zoo.api.opening import open_host, open_screen
from birads_zoo.api.result import Result

if TYPE_CHECKING:
    import pandas as pd

    from birads_zoo.artifact.manifest import NetworkFormat, Precision
    from birads_zoo.plugin.host import Host
    from birads_zoo.recipe import Recipe
    from birads_zoo.recipes.registry import Registry
    from birads_zoo.results.explanations import Explanations
    from birads_zoo.results.metrics import RunMetrics
    from birads_zoo.runs.finished import Finished

_NOTEBOOK_FIGURES = ("confusion-matrix", "roc-curves", "reliability")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Run:
    """A finished run: its recipe, its scores and its predictions. Made by `run` and `open_run`.

    `recipe` is the recipe as it was given, with the names of its ablations, which are not applied yet:
    `run(other.recipe)` repeats the run. In a notebook a run is shown with its scores and some figures.
    """

    recipe: Recipe
    _finished: Finished
    _host: Host
    _registry: Registry

    @property
    def folder(self) -> Path:
        """The folder with all files of the run."""
        return self._finished.folder

    @property
    def metrics(self) -> RunMetrics:
        """The scores on the test rows, with intervals: the content of `metrics.json`."""
        return self._finished.metrics

    @property
    def predictions(self) -> pd.DataFrame:
        """One row per test picture, each predicted by a network that never saw its patient.

        The first columns describe the row: `row`, `image_path`, `patient_id`, `laterality`, `view`, `density`, `age`,
        `study_date`, `fold` and `part`. Then come `label`, `predicted` and, for each class, `probability_…`,
        `calibrated_…` (in [0, 1]) and `set_…` (bool: whether the class is in the row's conformal set).
        """
        return self._finished.test.copy()

    @property
    def validation(self) -> pd.DataFrame:
        """The predictions of every fold's validation rows, without calibration and sets; empty if there are none."""
        return self._finished.validation.copy()

    @property
    def history(self) -> pd.DataFrame:
        """One row per epoch of every fold: losses, learning rate, validation scores, seconds."""
        import pandas as pd

        return pd.DataFrame([msgspec.to_builtins(epoch) for epoch in self._finished.history])

    @property
    def figures(self) -> Figures:
        """The figures by name, such as `run.figures["roc-curves"]`."""
        return Figures(self.folder / "figures")

    def explain(
        self,
        explainers: Sequence[str] = (),
        *,
        limit: int | None = 200,
        root: Path | str | None = None,
        device: str = "auto",
        progress: bool = True,
    ) -> Result[Explanations]:
        """Draw heat maps of test pictures and score them; see `birads_zoo.explain`."""
        names = listed(explainers)
        for name in names:
            if name != "all":
                self._host.explainer(name)  # reports a misspelt name before slow imports
        from birads_zoo.explain_run import explain
        from birads_zoo.report.run.heat_text import explanations_text

        chosen = list(self._host.explainers) if "all" in names else names or [self.recipe.explainer.name]
        values = explain(self._finished, self._host, chosen, limit, device, open_screen(progress), _path(root))
        return Result(folder=self.folder / "explanations", values=values, text=explanations_text(values))

    def report(
        self,
        out: Path | str | None = None,
        *,
        root: Path | str | None = None,
        patient_ids: bool = False,
        progress: bool = True,
    ) -> Path:
        """Write the run as one HTML page that needs no internet connection, and return the file.

        The page contains the test pictures: do not show it to people who may not see these.

        Args:
            out: the file; by default `report.html` in the run's folder.
            root: the folder of the run's data, if it was moved.
            patient_ids: show patients' ids and folders; otherwise patients get pseudonyms.
            progress: show progress on stderr.

        Raises:
            UserError: when the data is missing or is not the run's, or the file cannot be written.

        """
        from birads_zoo.files import check_file, make_folder
        from birads_zoo.report.run.heat_data import read_heat
        from birads_zoo.report.run.page import write_run_page
        from birads_zoo.report.templates import MARK
        from birads_zoo.runs.finished import prepare_again

        run = self._finished
        # Its own place in the run's folder may have a page of an earlier version, which lacks the mark.
        path = check_file(self.folder / "report.html") if out is None else check_file(Path(out), MARK)
        data = prepare_again(run, self._host, open_screen(progress), _path(root))
        heat = read_heat(self.folder, run.classes, data)
        make_folder(path.parent)
        names = self._names(patient_ids)
        write_run_page(path, run.recipe, run.test, run.metrics, run.environment, run.history, data, heat, names)
        return path

    def draw(
        self,
        form: Literal["png", "svg"] = "png",
        out: Path | str | None = None,
        *,
        root: Path | str | None = None,
        patient_ids: bool = False,
        progress: bool = True,
    ) -> Path:
        """Draw the figures again for print, as `NAME@2x.png` at 300 dpi or as `NAME.svg`, and return their folder.

        `out` is that folder, by default the run's `figures`. The other arguments are those of `report`.
        """
        from birads_zoo.files import check_folder, make_folder
        from birads_zoo.report.run.figures import draw_all
        from birads_zoo.runs.finished import prepare_again

        run, folder = self._finished, Path(out or self.folder / "figures")
        check_folder(folder)
        data = prepare_again(run, self._host, open_screen(progress), _path(root))
        make_folder(folder)
        ending = ".svg" if form == "svg" else "@2x.png"
        names = self._names(patient_ids)
        draw_all(folder, data, run.history, run.test, run.metrics, None, run.recipe, ending=ending, names=names)
        return folder

    def export(
        self,
        format: NetworkFormat = "safetensors",
        *,
        out: Path | str | None = None,
        root: Path | str | None = None,
        device: str = "auto",
        precision: Precision = "float32",
        progress: bool = True,
    ) -> Path:
        """Export the run as a model that predicts without it, and return its folder; see `birads_zoo.export`."""
        from birads_zoo.artifact.export import export

        folder = Path(out or self.folder / f"model-{format}")
        screen = open_screen(progress)
        export(self.folder, format, folder, self._host, self._registry, device, screen, _path(root), precision)
        return folder

    def __repr__(self) -> str:
        return f"<Run {self.recipe.run_id} on {self.recipe.dataset.name} in {self.folder}>"

    def _repr_html_(self) -> str:
        from birads_zoo.report.run.notebook import run_summary

        figures = {name: self.figures[name].path for name in _NOTEBOOK_FIGURES if name in self.figures}
        return run_summary(self.recipe, self.metrics, figures)

    def _names(self, patient_ids: bool) -> Mapping[str, str] | None:
        from birads_zoo.report.run.pseudonyms import pseudonyms

        return None if patient_ids else pseudonyms(self._finished.test["patient_id"], self.recipe.seed)


def open_run(path: Path | str, *, plugins: Sequence[Path | str] = ()) -> Run:
    """Open the folder of a finished run. Its pictures need not be there.

    Args:
        path: the folder that `run` wrote.
        plugins: plugin files that the run needs in addition to the installed plugins and those that a registry.toml in
            the working directory names.

    Raises:
        UserError: when `path` is not a run, the run was stopped before its end, or a file in it is damaged.

    """
    registry, host = open_host(plugins)
    return read(Path(path), registry, host)


def read(folder: Path, registry: Registry, host: Host) -> Run:
    """Read a finished run whose plugins are loaded already."""
    from birads_zoo.runs.finished import read_run
    from birads_zoo.runs.folder import read_recipe

    return Run(recipe=read_recipe(folder), _finished=read_run(folder, host), _host=host, _registry=registry)


def as_run(run: Run | Path | str, plugins: Sequence[Path | str]) -> Run:
    """Return `run`; open it if it is a folder, and open it again if it needs more plugins."""
    if isinstance(run, Run) and not plugins:
        return run
    return open_run(run.folder if isinstance(run, Run) else run, plugins=plugins)


def _path(root: Path | str | None) -> Path | None:
    return None if root is None else Path(root)
