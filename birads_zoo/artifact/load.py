"""`birads_zoo.load`: an exported model from its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from birads_zoo.artifact.model import Model, open_model
from birads_zoo.host import load_host
from birads_zoo.registry import packaged_registry


def load(path: Path | str, *, device: str = "auto", plugins: Sequence[Path | str] = ()) -> Model:
    """Open a model that `birads-zoo export` made: `birads_zoo.load("model").predict(["a.png", "b.dcm"])`.

    Args:
        path: the exported folder.
        device: "auto", "cpu", "cuda" or "cuda:N".
        plugins: plugin files that it needs, beside those that are installed. None that a
            registry.toml in the working directory names is loaded: that folder may be a stranger's.

    Raises:
        UserError: see `birads_zoo.artifact.model.open_model`.

    """
    host = load_host([Path(file) for file in plugins], registry=packaged_registry())
    return open_model(Path(path), host, device)
