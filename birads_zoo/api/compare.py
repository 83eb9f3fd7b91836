"""`birads_zoo.compare`: compares backbones on the same folds, and ranks them by tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from birads_zoo.api.fields import StudyFields, listed, recipe_changes
from birads_zoo.api.opening import open_host, open_screen
from birads_zoo.api.result import Result

if TYPE_CHECKING:
    from birads_zoo.report.study.leaderboard import Leaderboard
    from birads_zoo.results.scores import Metric


def compare(
    backbones: Sequence[str] = (),
    *,
    recipes: Sequence[str] = ("default",),
    ablations: Sequence[str] = (),
    metric: Metric = "macro_f1",
    seeds: int = 3,
    weights: Path | str | None = None,
    device: str = "auto",
    jobs: int | Literal["auto"] = 1,
    executor: Literal["local", "ray", "slurm"] = "local",
    address: str | None = None,
    slurm: Mapping[str, Any] | None = None,
    out: Path | str = "studies/compare",
    plugins: Sequence[Path | str] = (),
    progress: bool = True,
    **fields: Unpack[StudyFields],
) -> Result[Leaderboard]:
    """Compare backbones on the same folds, and write a leaderboard; models share a rank if no difference is shown.

    If a model fails, the leaderboard shows its error, and the others are still run. Called again with the same
    arguments, the function does only what is missing.

    Args:
        backbones: their names; by default those that registry.toml lists under [models].
        recipes: names or files; each backbone is run with each of them.
        ablations: each backbone is also run with each of these ablations.
        metric: the score to compare: "macro_f1", "macro_auroc", "balanced_accuracy", "accuracy" or "kappa_quadratic".
        seeds: the number of runs of each, with different seeds.
        weights: a folder with weights as BACKBONE.safetensors or BACKBONE_….pth; a family's member is timm~resnet50.
        device: "auto", "cpu", "cuda" or "cuda:N".
        jobs: the number of runs to execute at once, each in a process of its own; "auto" for what fits the machine.
        executor: "ray" or "slurm" to execute the runs on the machines of a cluster (docs/clusters.md).
        address: HOST:PORT of the Ray cluster; by default that of this machine.
        slurm: options of SLURM, such as {"partition": "gpu", "time": "4:00:00"}.
        out: the study's folder.
        plugins: plugin files to load, as in `run`.
        progress: show progress on stderr.
        **fields: dataset, root, target, classes, augmentation, loss, explainer, split, folds, epochs, image_size, seed,
            trackers and set, as in `run`.

    Raises:
        UserError: for a mistake in the arguments, and when every model failed.

    """
    from birads_zoo.api.studies import make_study, opened_executor
    from birads_zoo.study.plan import compared

    registry, host = open_host(plugins)
    folder = None if weights is None else Path(weights)
    changes = recipe_changes(fields)
    variants = compared(listed(recipes), listed(backbones), listed(ablations), changes, folder, registry, host)
    study = make_study("compare", variants, seeds, metric)
    from birads_zoo.report.study.table import to_markdown
    from birads_zoo.study.studies import run_comparison

    with opened_executor(jobs, device, plugins, executor, address, slurm) as chosen:
        leaderboard = run_comparison(study, host, Path(out), device, open_screen(progress), registry.references, chosen)
    return Result(folder=Path(out), values=leaderboard, text=to_markdown(leaderboard))
