import io
from typing import Any

import numpy as np
from rich.console import Console

from birads_zoo.evaluation.metrics import evaluate
from birads_zoo.evaluation.table import headline, results_table, results_text

CLASSES = ("BI-RADS 1", "probably benign [3]", "a class with a name so long that it must not break the table at all")


def metrics() -> dict[str, Any]:
    return evaluate(np.array([0, 0, 1, 1]), np.eye(3)[[0, 1, 1, 0]], CLASSES).to_dict()


def rendered(width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(results_table(metrics(), "resnet50 [patient]"))
    return out.getvalue()


def test_headline_names_split_rows_and_folds() -> None:
    line = headline({**metrics(), "split": "patient", "leaky": False}, folds=5)
    assert line.startswith("accuracy 0.500 · balanced 0.500 · macro-F1 0.333")
    assert line.endswith("(patient split, n = 4, 5 folds)")


def test_headline_shows_a_dash_for_the_kappa_of_classes_without_an_order() -> None:
    nominal = evaluate(np.array([0, 1, 2]), np.eye(3), CLASSES, ordinal=False).to_dict()
    assert "kappa –  (n = 3, 1 fold)" in headline(nominal, folds=1)


def test_headline_says_when_the_split_leaks() -> None:
    assert "(image split, leaky, n = 4, 1 fold)" in headline({**metrics(), "split": "image", "leaky": True}, folds=1)


def test_table_shows_names_as_they_are_and_a_dash_for_undefined() -> None:
    text = rendered(120)
    assert "probably benign [3]" in text
    assert "resnet50 [patient]" in text
    assert next(line for line in text.splitlines() if line.startswith("a class")).split()[-2:] == ["–", "0"]


def test_table_keeps_every_number_at_80_columns() -> None:
    lines = [line for line in rendered(80).splitlines() if line.startswith("macro")]
    assert lines[0].split() == ["macro", "0.333", "0.333", "0.333", "0.500", "4"]


def test_plain_text_is_aligned_and_complete() -> None:
    lines = results_text(metrics(), "resnet50").splitlines()
    assert lines[0] == "resnet50"
    assert len({len(line) for line in lines[1:]}) == 1
    assert lines[-1].split() == ["weighted", "0.500", "0.500", "0.500", "4"]
    assert any(CLASSES[2] in line for line in lines)
