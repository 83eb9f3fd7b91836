"""Repeats the paper's comparison table with its own recipe, and shows it beside the reported one.

Runs the `paper` recipe for the four networks, and for the CNN without dropout, and writes a Markdown table of scores:
on the rows that the paper reported (its validation rows, which also chose the epoch) and on its test rows, which it
never used. Both leak patients. ImageNet weights are read from --weights FOLDER (<backbone>_imagenet.pth); a network
without such a file starts from random weights, and its row says so.

    python bench/paper_table.py --dataset phantom --weights WEIGHTS --out table.md
    python bench/paper_table.py --dataset kaumds --root KAUMDS --out table.md
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from birads_zoo.files import check_file, make_folder, write_text
from birads_zoo.pipeline import run
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipes.compose import compose, parse_settings
from birads_zoo.recipes.registry import Reference, Registry, load_registry
from birads_zoo.results.scores import Measured
from birads_zoo.runs.folder import read_history

NETWORKS = (
    ("baseline_cnn", ()),
    ("resnet50", ()),
    ("efficientnet_b0", ()),
    ("mobilenet_v2", ()),
    ("baseline_cnn", ("no-dropout",)),
)
HEAD = (
    "| network | weights | epochs | validation rows: accuracy / macro-F1 | test rows: accuracy / macro-F1 "
    "| the paper reported |\n| --- | --- | --- | --- | --- | --- |\n"
)


def main() -> None:
    """Run the five networks and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="kaumds")
    parser.add_argument("--root", default="")
    parser.add_argument("--weights", type=Path, default=None, metavar="FOLDER")
    parser.add_argument("--set", dest="settings", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    check_file(arguments.out)  # before anything is computed
    make_folder(arguments.out.parent)

    host, registry, screen = load_host(), load_registry(), Screen()
    lines = []
    for backbone, ablations in NETWORKS:
        changes: dict[str, Any] = {"dataset.name": arguments.dataset, "model.backbone": backbone}
        if arguments.root:
            changes["dataset.root"] = arguments.root
        file = arguments.weights / f"{backbone}_imagenet.pth" if arguments.weights else None
        names = list(ablations)
        if not host.backbone(backbone).weights:
            weights = "none exist"
        elif file is not None and file.is_file():
            changes["model.weights"] = str(file)
            weights = "ImageNet, frozen"
        elif arguments.weights:
            changes["model.pretrained"] = False
            weights = "random, frozen: ImageNet's were not at hand"
        else:
            weights = "ImageNet, frozen"
        changes |= parse_settings(arguments.settings)
        outcome = run(compose("paper", changes, names, registry, host), host, arguments.runs, arguments.device, screen)
        epochs = len(read_history(outcome.folder))
        name = "+".join((backbone, *ablations))
        lines.append(
            f"| {name} | {weights} | {epochs} | {_scores(outcome.metrics.validation)} "
            f"| {_scores(outcome.metrics)} | {_reported(registry, name)} |"
        )
        write_text(arguments.out, HEAD + "\n".join(lines) + "\n")
    print(arguments.out.read_text(encoding="utf-8"))


def _scores(metrics: Measured | None) -> str:
    return "–" if metrics is None else f"{metrics.accuracy:.3f} / {metrics.macro.f1:.3f} (n = {metrics.n})"


def _reported(registry: Registry, network: str) -> str:
    matches: list[Reference] = [reference for reference in registry.references if reference.network == network]
    return f"{matches[0].accuracy} / {matches[0].macro_f1}" if matches else "–"


if __name__ == "__main__":
    main()
