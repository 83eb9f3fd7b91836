"""`birads_zoo.ablate`: removes one part of a model at a time, and tests the effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from birads_zoo.api.fields import StudyFields, listed, recipe_changes
from birads_zoo.api.opening import open_host, open_screen
from birads_zoo.api.result import Result
from birads_zoo.recipes.compose import compose

if TYPE_CHECKING:
    from birads_zoo.results.scores import Metric
    from birads_zoo.study.results import AblationStudy


def ablate(
    backbone: str,
    *,
    recipe: str | Path = "default",
    ablations: Sequence[str] | None = None,
    metric: Metric = "macro_f1",
    seeds: int = 3,
    weights: Path | str | None = None,
    device: str = "auto",
    jobs: int | Literal["auto"] = 1,
    executor: Literal["local", "ray", "slurm"] = "local",
    address: str | None = None,
    slurm: Mapping[str, Any] | None = None,
    out: Path | str = "studies/ablate",
    plugins: Sequence[Path | str] = (),
    progress: bool = True,
    **fields: Unpack[StudyFields],
) -> Result[AblationStudy]:
    """Remove one part of a model at a time, on the same folds and seeds, and test the effect.

    A verdict is about the part that is removed: it helps, it hurts, or neither is shown.

    Args:
        backbone: a registered backbone.
        recipe: a registered recipe's name or a TOML file.
        ablations: their names; by default every registered one.
        metric: as in `compare`, like all arguments below.
        seeds: the number of runs of each, with different seeds.
        weights: a folder with weights.
        device: "auto", "cpu", "cuda" or "cuda:N".
        jobs: the number of runs to execute at once, each in a process of its own; "auto" for what fits the machine.
        executor: "ray" or "slurm" to execute the runs on the machines of a cluster (docs/clusters.md).
        address: HOST:PORT of the Ray cluster; by default that of this machine.
        slurm: options of SLURM, such as {"partition": "gpu", "time": "4:00:00"}.
        out: the study's folder; called again, it does only what is missing.
        plugins: plugin files to load.
        progress: show progress on stderr.
        **fields: fields of the recipe.

    Raises:
        UserError: for a mistake in the arguments, and when the full model failed.

    """
    from birads_zoo.api.studies import make_study, opened_executor
    from birads_zoo.study.plan import ablated, weights_of

    registry, host = open_host(plugins)
    folder = None if weights is None else Path(weights)
    changes = recipe_changes(fields) | {"model.backbone": backbone} | weights_of(backbone, folder, host)
    full = compose(recipe, changes, (), registry, host)
    names = tuple(host.ablations) if ablations is None else listed(ablations)
    study = make_study("ablate", ablated(full, names, host), seeds, metric)
    from birads_zoo.study.studies import run_ablation_study

    with opened_executor(jobs, device, plugins, executor, address, slurm) as chosen:
        text, values = run_ablation_study(study, host, Path(out), device, open_screen(progress), chosen)
    return Result(folder=Path(out), values=values, text=text)
