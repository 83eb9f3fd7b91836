"""Fits the shortcuts that need no pixels on a data set's table, also for rows whose files are missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from birads_zoo.data.index.audit import Labelled, drop_unlabelled
from birads_zoo.data.index.classes import class_names, count_classes
from birads_zoo.data.index.facts import file_facts
from birads_zoo.data.index.samples import label_samples
from birads_zoo.data.index.view_names import WHOLE
from birads_zoo.data.splits.folds import split_rows
from birads_zoo.evaluation.metrics import evaluate
from birads_zoo.interfaces import Index, Target
from birads_zoo.recipe import SplitSection
from birads_zoo.shortcuts.fit import fit_without_pixels


def sheet_shortcuts(
    index: Index, target: Target, keep: Sequence[str], section: SplitSection, seed: int
) -> dict[str, float]:
    """Return the macro-F1 of "majority", "patient_lookup" and "metadata_tree" on the test samples of all folds.

    `index` has every row of the table once, also rows whose file is missing; `section` and `seed` split its
    `sheet_rows` as in a run. A patient whom the lookup has not seen in training gets the commonest class. A patient
    with several classes gets her commonest, and at a tie the class that is rarest overall. Facts of missing files are
    unknown; facts that are unknown for more than half of the rows are left out of the tree.

    Raises:
        UserError: for rows that cannot be split this way, and for fewer than two classes.

    """
    labelled = sheet_rows(index, target, keep)
    rows, labels = labelled.index.rows, labelled.labels
    folds = split_rows(rows, labels, labelled.classes, section, seed)
    tested = labels[np.concatenate([fold.test for fold in folds])]
    numbers = np.concatenate([np.full(len(fold.test), fold.number) for fold in folds])
    shortcuts = fit_without_pixels(labelled, folds, file_facts(labelled.index), seed)
    return {
        shortcut.name: evaluate(tested, shortcut.probabilities, numbers, labelled.classes).macro.f1
        for shortcut in shortcuts
        if shortcut.probabilities is not None
    }


def sheet_rows(index: Index, target: Target, keep: Sequence[str] = ()) -> Labelled:
    """Return the samples, at the target's level, of the classes `keep`; for () of the classes whose folders exist.

    A sample is what gets a prediction in a run: a row, a breast or an exam (see `data.index.samples`).

    With `keep` (), a class counts if the folder of at least one of its rows' files exists. A small part of a data set
    has the data set's folders, but a class without pictures (KAUMDS' BI-RADS 2) has none. A run on the complete data
    set uses the same classes. If fewer than two classes have a folder, as with a table alone, all classes of the table
    count.
    """
    if keep:
        return _labelled(index, target, keep)
    folders = index.rows["image_path"].map(lambda path: str(PurePosixPath(path).parent) if path else "")
    exists = {folder: bool(folder) and (index.root / folder).is_dir() for folder in folders.unique()}
    with_folder = Index(root=index.root, rows=index.rows[folders.map(exists)].reset_index(drop=True))
    counts = count_classes(drop_unlabelled(with_folder, target), target) if len(with_folder.rows) else {}
    # In the target's order. Names come from the whole table, because a target without named classes takes its rows'.
    present = tuple(name for name in class_names(index, target) if counts.get(name, 0))
    return _labelled(index, target, present if len(present) > 1 else ())


def _labelled(index: Index, target: Target, keep: Sequence[str]) -> Labelled:
    return label_samples(index, index, target, keep, WHOLE[target.level]).labelled
