"""`birads_zoo.load`: opens an exported model."""

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
        plugins: plugin files that the model needs in addition to the installed plugins. Files that a registry.toml in
            the working directory names are not loaded, because somebody else may have made that folder.

    Returns:
        A model with `predict`, `classes` and `notice`. Nothing in its folder is unpickled or executed.

    Raises:
        UserError: for a folder that is not an exported model, a damaged model, a model that needs a plugin or package
            that is not installed, and an exported program, which cannot be opened safely.

    """
    host = open_installed_host(plugins)
    from birads_zoo.artifact.model import open_model

    return open_model(Path(path), host, device)
