"""Measures the shortcuts' scores over many seeds on phantoms that have no shortcut.

Prints each shortcut's mean macro ROC-AUC and macro-F1 with 95 % intervals over seeds (Student's t), and the best
possible scores.

    python bench/phantom_shortcuts.py --seeds 20 --patients 100
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.metrics import f1_score, roc_auc_score

from birads_zoo.data.index.audit import check_files, check_rows, select_classes
from birads_zoo.data.index.facts import file_facts
from birads_zoo.data.splits.split import make_folds
from birads_zoo.data.store.pixels import build_store
from birads_zoo.evaluation.best import decide
from birads_zoo.interfaces import DatasetContext, chance_column
from birads_zoo.phantoms.files.writer import generate
from birads_zoo.phantoms.options import PhantomOptions
from birads_zoo.plugin.host import load_host
from birads_zoo.recipe import ImageSection, SplitSection
from birads_zoo.shortcuts.fit import fit_shortcuts


def main() -> None:
    """Draw a phantom for each seed, fit all shortcuts on two patient folds, and print the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument(
        "--height", type=int, default=416, help="height of the pictures; the width is three quarters of it"
    )
    arguments = parser.parse_args()
    options = PhantomOptions(
        patients=arguments.patients, height=arguments.height, width=3 * arguments.height // 4, damaged=0
    )
    results = [scores(replace(options, seed=seed)) for seed in range(arguments.seeds)]
    for name in results[0]:
        for metric, values in zip(
            ("ROC-AUC", "macro-F1"), np.array([result[name] for result in results]).T, strict=True
        ):
            reach = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
            ends = f"[{values.mean() - reach:.3f}, {values.mean() + reach:.3f}]"
            print(f"{name:16s}{metric:10s}{values.mean():.3f} {ends}  least {values.min():.3f} most {values.max():.3f}")


def scores(options: PhantomOptions) -> dict[str, tuple[float, float]]:
    """Return each shortcut's macro ROC-AUC (mean over folds) and macro-F1 by name, and the best possible ones."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder) / "phantom", options)
        spec = load_host().dataset("phantom")
        index = check_files(check_rows(spec.load(DatasetContext(root=Path(folder) / "phantom"))))
        labelled = select_classes(index, spec.targets[0])
        rows, labels = labelled.index.rows, labelled.labels
        patients = rows["patient_id"].to_numpy(dtype=str)
        folds = make_folds(patients, labels, labelled.classes, SplitSection(folds=2), options.seed)
        store, _ = build_store(labelled.index, ImageSection(height=128, width=96), Path(folder) / "cache")
        shortcuts = fit_shortcuts(labelled, folds, list(store.array), file_facts(labelled.index), options.seed)
    chances = rows[[chance_column("assessment", category) for category in "1345"]].to_numpy()
    order = np.concatenate([fold.test for fold in folds])
    one_hot = np.eye(len(labelled.classes))[decide(chances)]
    predictions = {shortcut.name: (shortcut.probabilities, shortcut.probabilities) for shortcut in shortcuts}
    predictions["best possible"] = (chances[order], one_hot[order])
    return {name: _scores_of(labels, folds, *both) for name, both in predictions.items()}


def _scores_of(labels, folds, probabilities, decisions) -> tuple[float, float]:
    areas, start = [], 0
    for fold in folds:
        part = probabilities[start : start + len(fold.test)]
        start += len(fold.test)
        areas.append(roc_auc_score(labels[fold.test], part / part.sum(axis=1, keepdims=True), multi_class="ovr"))
    order = np.concatenate([fold.test for fold in folds])
    return float(np.mean(areas)), float(f1_score(labels[order], decisions.argmax(axis=1), average="macro"))


if __name__ == "__main__":
    main()
