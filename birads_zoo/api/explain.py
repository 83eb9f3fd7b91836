"""`birads_zoo.explain`: draws heat maps of a finished run, and tests whether they are faithful."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.api.open_run import Run, as_run
from birads_zoo.api.result import Result

if TYPE_CHECKING:
    from birads_zoo.results.explanations import Explanations


def explain(
    run: Run | Path | str,
    explainers: Sequence[str] = (),
    *,
    limit: int | None = 200,
    root: Path | str | None = None,
    device: str = "auto",
    plugins: Sequence[Path | str] = (),
    progress: bool = True,
) -> Result[Explanations]:
    """Explain test pictures of a finished run, and test whether each explainer's maps beat maps made without a network.

    Every picture is explained by the network that never saw its patient. Its map shows the evidence for the predicted
    class or, where a lesion is marked, for the true class. Maps, scores and verdicts are written to `explanations/` in
    the run's folder, and replace what was there.

    Args:
        run: a run or its folder.
        explainers: their names, or "all"; by default the explainer of the run's recipe.
        limit: the largest number of pictures, drawn at random; `None` for all.
        root: the folder of the run's data, if it was moved.
        device: "auto", "cpu", "cuda" or "cuda:N".
        plugins: plugin files that are needed in addition to the installed plugins.
        progress: show progress on stderr.

    Raises:
        UserError: for data that is missing or is not the run's, and for an unknown or broken explainer.

    """
    opened = as_run(run, plugins)
    return opened.explain(explainers, limit=limit, root=root, device=device, progress=progress)
