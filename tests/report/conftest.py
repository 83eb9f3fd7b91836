"""Opens pages in a real browser, and adds hand-made heat maps to a run's folder."""

import csv
from pathlib import Path

import numpy as np
import pytest

from birads_zoo.files import documents
from birads_zoo.files.digests import sha256
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.runs.finished import prepare_again, read_run

LOCAL = ("data:", "file:")


@pytest.fixture
def visit(browser):
    """Open a page: `visit(path)` → Playwright's page. Fails on console messages and on network requests."""
    wrong: list[str] = []
    contexts = []

    def open_page(path: Path, **options):
        contexts.append(browser.new_context(**{"viewport": {"width": 1400, "height": 950}} | options))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: request.url.startswith(LOCAL) or wrong.append(f"request: {request.url}"))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="session")
def data(finished):
    """The rows and pictures of the finished run."""
    host = load_host()
    return prepare_again(read_run(finished[0], host), host, Screen())


@pytest.fixture(scope="session")
def explained(made_explanations):
    """Write hand-made heat maps into a run's folder: a spot for each test row except the first `left_out`."""

    def write(
        run: Path,
        names: dict[str, bool | None],
        height: int = 32,
        width: int = 32,
        left_out: int = 0,
        lesion_patients: int = 0,
    ) -> None:
        folder = run / "explanations"
        folder.mkdir()
        with (run / "predictions.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))[left_out:]
        down, across = np.mgrid[:height, :width]
        spot = np.exp(-((down - height / 2) ** 2 + (across - width / 3) ** 2) / 20)
        for name in names:
            maps = np.repeat(spot[None].astype(np.float16), len(rows), axis=0)
            np.savez(folder / f"{name}.npz", row=np.array([int(row["row"]) for row in rows]), maps=maps)
        with (folder / "explanations.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["row", "explainer", "explained"])
            writer.writeheader()
            writer.writerows(
                {"row": row["row"], "explainer": name, "explained": row["label"]} for name in names for row in rows
            )

        def score(value: float) -> dict[str, float]:
            return {"value": value, "low": value - 0.05, "high": value + 0.05}

        explainers = {
            name: {
                "faithful": faithful,
                "verdict": f"the verdict on {name}",
                "n_lesion_patients": lesion_patients,
                "scores": {"insertion": score(0.6), "pointing": score(0.3) if lesion_patients else None},
                "baselines": {"random": {"insertion": score(0.4)}},
                "maps": f"{name}.npz",
            }
            for name, faithful in names.items()
        }
        files = {path.name: sha256(path) for path in folder.iterdir()}
        documents.write(folder / "explanations.json", made_explanations(explainers, n=len(rows), files=files))

    return write
