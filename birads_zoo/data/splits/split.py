"""Draws training, validation and test rows: by patient, or in three ways that leak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

from birads_zoo.errors import UserError, warn
from birads_zoo.randomness import numpy_generator, sklearn_state
from birads_zoo.recipe import SplitSection

Rows = NDArray[np.int64]

PAPER_STATE = 42  # the notebook's random_state

Leak = Literal["none", "possible", "certain"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """Row positions (0 … N−1, sorted) of one fold. `validation` may be empty. The three parts share no row."""

    number: int
    train: Rows
    validation: Rows
    test: Rows


def may_leak(scheme: str) -> bool:
    """Return whether images of one patient can be on both sides of this scheme's splits."""
    return scheme != "patient"


def find_leak(folds: Sequence[Fold], patients: NDArray[np.str_]) -> Leak:
    """Return whether a patient is, or may be, in the test part of a fold and also in another part of it.

    A known patient on both sides makes a leak "certain". A row of an unknown patient may be of any patient on the other
    side: then a leak is "possible" if both sides have rows.
    """
    leak: Leak = "none"
    for fold in folds:
        trained, tested = patients[np.concatenate([fold.train, fold.validation])], patients[fold.test]
        if np.isin(tested[~is_blank(tested)], trained).any():
            return "certain"
        if (is_blank(trained).any() or is_blank(tested).any()) and len(trained) and len(tested):
            leak = "possible"
    return leak


def is_blank(ids: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Return for each id whether it is blank, which means unknown."""
    blank: NDArray[np.bool_] = np.char.strip(ids.astype(np.str_)) == ""
    return blank


def split_units(rows: pd.DataFrame, scheme: str) -> NDArray[np.str_]:
    """Return each row's unit, which is never split: its patient, or for "breast" its patient's breast; "" if unknown.

    "image" and "paper" split single rows and do not use the units.
    """
    patients = rows["patient_id"].to_numpy(dtype=np.str_)
    if scheme != "breast":
        return patients
    sides = rows["laterality"].to_numpy(dtype=np.str_)
    known = ~is_blank(patients) & ~is_blank(sides)
    return np.where(known, np.char.add(np.char.add(patients, " "), sides), "")


def make_folds(
    units: NDArray[np.str_], labels: Rows, classes: Sequence[str], section: SplitSection, seed: int
) -> tuple[Fold, ...]:
    """Split N rows. Row i belongs to `units[i]` (see `split_units`) and is of class `classes[labels[i]]`.

    - "patient": `section.folds` folds. Each patient, with all rows, is in the test part of exactly one (see `_spread`).
    - "breast": the same with single breasts, which leaks patients.
    - "image": the same with single rows, stratified by class.
    - "paper": one fold of 75 % / 15 % / 10 %, as in the paper's notebook. It ignores the section's other fields, with a
      warning if they were set.

    All but "paper" use `section.validation` of the training patients (breasts, rows) for validation, at least one of
    each class. If some class has too few, none are used, with a warning.

    Raises:
        UserError: for rows of unknown units in "patient" and "breast", or a class too small for the folds.

    """
    if section.scheme == "paper":
        _warn_of_leak("the paper's split", "and the paper reports on the validation rows, which chose the epoch")
        _warn_of_unused(section)
        return (_paper_fold(labels, classes),)
    if section.scheme == "image":
        _warn_of_leak("a split by image", "so its figures say little about new patients; use --split patient")
        groups = np.arange(len(labels))
        _refuse_small(labels, groups, classes, section.folds, "image")
        splitter = StratifiedKFold(section.folds, shuffle=True, random_state=sklearn_state(seed, "split"))
        assigned = np.empty(len(labels), dtype=np.int64)
        for number, (_, test) in enumerate(splitter.split(labels, labels)):
            assigned[test] = number
    else:
        if section.scheme == "breast":
            _warn_of_leak("a split by breast", "so its figures say little about new patients; use --split patient")
        _refuse_unknown(units, section.scheme)
        groups = np.unique(units, return_inverse=True)[1]
        _refuse_small(labels, groups, classes, section.folds, section.scheme)
        table = _rows_per_class(groups, labels, len(classes))
        assigned = _spread(table, section.folds, numpy_generator(seed, "split"))[groups]
    folds = []
    for number in range(section.folds):
        rest = np.flatnonzero(assigned != number)
        _refuse_untrained(labels[rest], classes, number)
        validation = rest[choose_validation(groups[rest], labels[rest], section.validation, seed, number)]
        train = np.setdiff1d(rest, validation)
        folds.append(Fold(number=number, train=train, validation=validation, test=np.flatnonzero(assigned == number)))
    without = [str(fold.number + 1) for fold in folds if not len(fold.validation)]
    if without and section.validation > 0:
        folds_named = f"fold{'s' * (len(without) > 1)} {', '.join(without)}"
        message = f"no validation rows in {folds_named}: some class has fewer than 2 training {section.scheme}s; "
        warn(message + "training runs for its fixed number of epochs there")
    return tuple(folds)


def check_leaks(folds: Sequence[Fold], patients: NDArray[np.str_], scheme: str) -> None:
    """Raise `UserError`, naming a patient, if a "patient" split has one on two sides of a fold."""
    if may_leak(scheme):
        return
    for fold in folds:
        sides = {"training": fold.train, "validation": fold.validation, "test": fold.test}
        for first, second in (("training", "test"), ("validation", "test"), ("training", "validation")):
            both = np.intersect1d(patients[sides[first]], patients[sides[second]])
            if len(both):
                raise UserError(
                    f"fold {fold.number + 1} leaks: patient {str(both[0])!r} has rows in {first} and {second}"
                    f" ({len(both)} such patients); a split by patient must keep each on one side"
                )


def _spread(table: NDArray[np.int64], folds: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Assign patients to folds; `table` is patients × classes, the number of rows. Returns a fold per patient.

    The algorithm is greedy. Patients with the rarest class (by patients) come first; among them, those with several
    classes and many rows. Each goes to the fold with the fewest patients of its rarest class, then of its next rarest,
    then with the fewest rows of these classes, then with the fewest rows. So every fold tests patients of each class
    that has enough patients.

    scikit-learn's StratifiedGroupKFold is not used because it balances rows, not patients. On KAUMDS' sheet (categories
    1, 3, 4 and 5; 487 patients, 9 of them with a 5; 5 folds, 200 seeds) both algorithms give every fold each class. The
    patients per fold then differ by at most 1/1/0/1 per class here and by 4/1/2/2 there, the rows of the rarest class
    by 4 here and by 2 there. On 600 small random sets (12 patients, 3 of them with each of two rare classes, 3 folds,
    some patients in two classes) StratifiedGroupKFold left a fold without some class in 35 sets, mostly with every
    seed; this algorithm did so in none.
    """
    holds = table > 0
    holders = holds.sum(axis=0)
    rarity = np.argsort(holders, kind="stable")
    rank = np.empty_like(rarity)
    rank[rarity] = np.arange(len(rarity))
    rarest = np.where(holds, rank, len(rarity)).min(axis=1)
    shuffled = generator.permutation(len(table))
    order = shuffled[np.lexsort((-table.sum(axis=1)[shuffled], -holds.sum(axis=1)[shuffled], rarest[shuffled]))]
    tie = generator.permutation(folds)
    patients_in = np.zeros((folds, table.shape[1]), dtype=np.int64)
    rows_in = np.zeros_like(patients_in)
    assigned = np.empty(len(table), dtype=np.int64)
    for patient in order:
        held = [c for c in rarity if holds[patient, c]]
        keys = [*patients_in[:, held].T, *rows_in[:, held].T, rows_in.sum(axis=1), tie]
        fold = np.lexsort(keys[::-1])[0]  # lexsort's last key counts most
        assigned[patient] = fold
        patients_in[fold] += holds[patient]
        rows_in[fold] += table[patient]
    return assigned


def choose_validation(groups: Rows, labels: Rows, fraction: float, seed: int, number: int) -> Rows:
    """Choose validation rows among a fold's training rows: whole groups, `fraction` of each class, at least one.

    Returns positions in `labels`; none if validation and training cannot both have every class.
    """
    nothing = np.empty(0, dtype=np.int64)
    if fraction == 0:
        return nothing
    names, inverse = np.unique(groups, return_inverse=True)
    classes = np.unique(labels)
    holds = _rows_per_class(inverse, np.searchsorted(classes, labels), len(classes)) > 0
    holders = holds.sum(axis=0)
    target = np.clip(np.rint(fraction * holders).astype(np.int64), 1, None)
    shuffled = numpy_generator(seed, "validation", number).permutation(len(names))
    chosen, held = np.zeros(len(names), dtype=bool), np.zeros(len(classes), dtype=np.int64)
    for c in np.argsort(holders, kind="stable"):
        for group in shuffled[holds[shuffled, c] & ~chosen[shuffled]]:
            if held[c] >= target[c]:
                break
            if (holders - held - holds[group]).min() > 0:  # training keeps every class
                chosen[group] = True
                held += holds[group]
    if not held.all():
        return nothing
    return np.flatnonzero(chosen[inverse])


def _paper_fold(labels: Rows, classes: Sequence[str]) -> Fold:
    """Split as the paper's notebook: 75 % for training; 60 % of the rest for validation and 40 % for test."""
    rows = np.arange(len(labels))
    try:
        train, rest = train_test_split(rows, test_size=0.25, stratify=labels, random_state=PAPER_STATE)
        validation, test = train_test_split(rest, test_size=0.4, stratify=labels[rest], random_state=PAPER_STATE)
    except ValueError:
        counts = np.bincount(labels, minlength=len(classes))
        smallest = int(counts.argmin())
        raise UserError(
            f"the paper's split cannot give each of {len(classes)} classes rows to train, validate and test on: there"
            f" are {len(labels)} images, and {counts[smallest]} of class {classes[smallest]!r}; use --split patient"
            " with few --folds, or leave the class out"
        ) from None
    return Fold(number=0, train=np.sort(train), validation=np.sort(validation), test=np.sort(test))


def _rows_per_class(groups: Rows, labels: Rows, classes: int) -> NDArray[np.int64]:
    table = np.zeros((int(groups.max()) + 1, classes), dtype=np.int64)
    np.add.at(table, (groups, labels), 1)
    return table


def _refuse_unknown(units: NDArray[np.str_], scheme: str) -> None:
    unknown = int(is_blank(units).sum())
    if unknown and scheme == "breast":
        raise UserError(
            f"{unknown} of {len(units)} rows lack a patient id or a laterality, which a split by breast needs:"
            " use --split patient, or --split image, which leaks"
        )
    if unknown:
        raise UserError(
            f"{unknown} of {len(units)} rows have no patient id, which a split by patient needs:"
            " give --patient-pattern where the data set has that option, or use --split image, which leaks"
        )


def _refuse_small(labels: Rows, groups: Rows, classes: Sequence[str], folds: int, unit: str) -> None:
    for number, name in enumerate(classes):
        count = len(np.unique(groups[labels == number]))
        if count < folds:
            fewer = f"use --folds {count}, or leave the class out" if count >= 2 else "leave the class out"
            raise UserError(
                f"class {name!r} has {count} usable {unit}{'' if count == 1 else 's'},"
                f" fewer than the {folds} folds: {fewer}"
            )


def _refuse_untrained(labels: Rows, classes: Sequence[str], number: int) -> None:
    missing = sorted(set(range(len(classes))) - set(labels.tolist()))
    if missing:
        raise UserError(
            f"fold {number + 1} would train on no row of class {classes[missing[0]]!r}, because its patients also hold"
            " other rare classes: use other --folds or another --seed"
        )


def _warn_of_leak(what: str, why: str) -> None:
    warn(f"{what} puts images of one patient on both sides, {why}")


def _warn_of_unused(section: SplitSection) -> None:
    usual = SplitSection()
    unused = [name for name in ("folds", "validation") if getattr(section, name) != getattr(usual, name)]
    if unused:
        fields = " and ".join(f"split.{name}" for name in unused)
        message = f"the paper's split has one fold of its own, 75 % / 15 % / 10 %: {fields} had no effect"
        warn(message)
