"""Measures how much `mammo` gains by keeping the chest wall at the left edge: an ablation, 3 seeds, 2 data sets.

Trains MobileNetV2 with and without `augmentation.options.anchored`: on DDSM-299, marked against unmarked images of the
women with cancer (see `bench/ddsm_299.py`), and on mini-MIAS, abnormal against normal. Writes
`anatomy-<data set>/ablations.*`.

    python bench/anatomy.py --ddsm ddsm-299 --mini-mias pgm --weights weights
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ddsm_299 import marked_table

import birads_zoo as bz
from birads_zoo.files import make_folder
from birads_zoo.files.csv_files import write_frame

PLUGIN = '''
from birads_zoo import AblationSpec, hookimpl


@hookimpl
def birads_zoo_ablations():
    """Return the augmentation that flips left and right, turns, and moves the breast out of the frame."""
    free = {"augmentation.options.anchored": False}
    return [AblationSpec(name="no-anatomy", summary="Free flips and turns", recipe=lambda recipe: recipe.replace(free))]
'''


def main() -> None:
    """Run the ablation on each data set that is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ddsm", type=Path, metavar="FOLDER", help="the unpacked ddsm-299, with its labels.csv")
    parser.add_argument("--mini-mias", type=Path, metavar="FOLDER", help="the unpacked mini-MIAS")
    parser.add_argument("--weights", type=Path, metavar="FOLDER", required=True)
    parser.add_argument("--women", type=int, help="use the first N women of DDSM; all by default")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--studies", type=Path, help="keeps the runs, to continue after a stop; temporary by default")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    make_folder(arguments.out)  # before anything is measured

    with tempfile.TemporaryDirectory() as folder:
        if arguments.ddsm is not None:
            table = Path(folder) / "marked.csv"
            write_frame(table, marked_table(arguments.ddsm, arguments.women))
            ddsm = {"image.crop": False, "image.fit": "stretch", "split.folds": 2, "dataset.options.table": str(table)}
            ddsm |= {"dataset.classes": ["unmarked", "marked"], "evaluation.positive": ["marked"]}
            measure("ddsm-299", "csv", arguments.ddsm, "label", ddsm, arguments, Path(folder))
        if arguments.mini_mias is not None:
            measure(
                "mini-mias", "mini-mias", arguments.mini_mias, "abnormal", {"split.folds": 5}, arguments, Path(folder)
            )


def measure(
    name: str,
    dataset: str,
    root: Path,
    target: str,
    settings: dict[str, Any],
    arguments: argparse.Namespace,
    folder: Path,
) -> None:
    """Run one data set's ablation and copy its results."""
    plugin = folder / "anatomy.py"
    plugin.write_text(PLUGIN, encoding="utf-8")
    studies = arguments.studies or folder
    result = bz.ablate(
        "mobilenet_v2",
        dataset=dataset,
        root=root,
        target=target,
        ablations=["no-anatomy"],
        metric="macro_auroc",
        seeds=arguments.seeds,
        weights=arguments.weights,
        device=arguments.device,
        image_size=(arguments.size, arguments.size),
        epochs=arguments.epochs,
        set={"model.freeze": "early"} | settings,
        plugins=[plugin],
        out=studies / name,
    )
    results = make_folder(arguments.out / f"anatomy-{name}")
    for kind in ("csv", "json", "md"):
        shutil.copy(studies / name / f"ablations.{kind}", results)
    for row in result.values.ablations:
        print(name, row.effect, row.p, row.verdict, flush=True)


if __name__ == "__main__":
    main()
