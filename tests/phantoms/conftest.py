from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from birads_zoo.phantoms.files.writer import generate
from birads_zoo.phantoms.options import PhantomOptions

SMALL = PhantomOptions(patients=8, seed=3, height=96, width=72)


@pytest.fixture(scope="session")
def small() -> PhantomOptions:
    return SMALL


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small phantom on disk. Read-only."""
    folder = tmp_path_factory.mktemp("phantom") / "small"
    generate(folder, SMALL)
    return folder


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Make a small phantom with some options changed, in a new folder."""

    def make(**changes: object) -> Path:
        folder = tmp_path / f"phantom-{len(list(tmp_path.iterdir()))}"
        generate(folder, replace(SMALL, **changes))  # type: ignore[arg-type]
        return folder

    return make
