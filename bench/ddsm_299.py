"""DDSM-299: marked against unmarked images of the women with a proven cancer, out of fold by woman.

The images of one woman come from one scanner, and their files' sizes do not depend on the class, so the usual shortcuts
do not work here. The 299×299 copy squeezed the pictures to a square; they are not cropped. Writes `<name>.json` with
the main scores, the shortcuts' scores and the environment.

    python bench/ddsm_299.py ddsm-299 --backbones resnet50
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from birads_zoo.devices import choose_compute
from birads_zoo.files import make_folder, write_text
from birads_zoo.files.csv_files import write_frame
from birads_zoo.pipeline import run
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipes.compose import compose
from birads_zoo.recipes.registry import packaged_registry
from birads_zoo.runs.environment import describe_machine


def main() -> None:
    """Run every backbone and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="the unpacked folder, with its labels.csv")
    parser.add_argument("--backbones", nargs="+", default=["mobilenet_v2"])
    parser.add_argument("--weights", type=Path, metavar="FOLDER", help="holds BACKBONE_imagenet.pth")
    parser.add_argument("--tiny", action="store_true", help="40 women, one epoch, 32 pixels")
    parser.add_argument("--name", default="ddsm-299-marked")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    make_folder(arguments.out)  # before anything is measured

    here = choose_compute("auto", "auto")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "marked.csv"
        write_frame(table, marked_table(arguments.root, women=40 if arguments.tiny else None))
        rows = [
            _measured(arguments.root, table, backbone, arguments.weights, Path(folder) / "runs", tiny=arguments.tiny)
            for backbone in arguments.backbones
        ]
    report = {
        "task": "marked against unmarked images of women with cancer, image level, patient folds, seed 0",
        "results": rows,
        "environment": msgspec.to_builtins(describe_machine(here)),
    }
    write_text(arguments.out / f"{arguments.name}.json", json.dumps(report, indent=2) + "\n")
    print(json.dumps(rows, indent=2))


def marked_table(root: Path, women: int | None) -> pd.DataFrame:
    """Return one row per image of the (first `women`) women with cancer, in the columns of the data set `csv`."""
    rows = pd.read_csv(root / "labels.csv", dtype=str)
    rows = rows[rows["folder"] == "cancers"]
    if women is not None:
        rows = rows[rows["case"].isin(sorted(rows["case"].unique())[:women])]
    return pd.DataFrame(
        {
            "image_path": rows["image_path"],
            "patient_id": rows["case"],
            "laterality": rows["laterality"],
            "view": rows["view"],
            "label": rows["marked"].map({"0": "unmarked", "1": "marked"}),
        }
    )


def _measured(
    root: Path, table: Path, backbone: str, weights: Path | None, runs: Path, *, tiny: bool
) -> dict[str, Any]:
    host = load_host()
    side = 32 if tiny else 224
    changes: dict[str, Any] = {
        "dataset.name": "csv",
        "dataset.root": str(root),
        "dataset.target": "label",
        "dataset.options.table": str(table),
        "dataset.classes": ["unmarked", "marked"],
        "evaluation.positive": ["marked"],
        "image.height": side,
        "image.width": side,
        "image.crop": False,
        "image.fit": "stretch",
        "model.backbone": backbone,
        "model.pretrained": False,
        "split.folds": 2,
        "training.epochs": 1 if tiny else 12,
    }
    file = weights / f"{backbone}_imagenet.pth" if weights else None
    if file is not None and file.is_file():
        changes["model.weights"] = str(file)
    started = time.perf_counter()
    outcome = run(compose("default", changes, (), packaged_registry(), host), host, runs, "auto", Screen())
    metrics = outcome.metrics
    return {
        "backbone": backbone,
        "start": "ImageNet" if "model.weights" in changes else "random",
        "macro_auroc": metrics.macro.auroc,
        "interval": metrics.intervals.scores["macro_auroc"],
        "n": metrics.n,
        "patients": metrics.patients,
        "folds": metrics.folds,
        "shortcuts": {name: scores.macro_auroc for name, scores in metrics.shortcuts.items()},
        "seconds": round(time.perf_counter() - started, 1),
    }


if __name__ == "__main__":
    main()
