"""`birads_zoo.load`: an exported model from its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.api.opening import open_installed_host

if TYPE_CHECKING:
    from birads_zoo.artifact.model import Model


def load(path: Path | str, *, device: str = "auto", plugins: Sequence[Path | str] = ()) -> Model:
    """Open a model that `export` made: `birads_zoo.load("model").predict(["a.png", "b.dcm"])`.

    Args:
        path: the exported folder.
        device: "auto", "cpu", "cuda" or "cuda:N".
        plugins: plugin files that the model needs besides the installed ones. None that a registry.toml in the working
            directory names is loaded: that folder may be a stranger's.

    Returns:
        A model with `predict`, `classes` and `notice`; nothing in its folder was unpickled or executed.

    Raises:
        UserError: for a folder that is no exported model, a damaged one, one that needs a plugin or package that is not
            here, and an exported program, which cannot be opened safely.

    """
    host = open_installed_host(plugins)
    from birads_zoo.artifact.model import open_model

    return open_model(Path(path), host, device)
