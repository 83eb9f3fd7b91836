"""docs/api.md: its examples run as written, one after the other, and it lists the public functions."""

import inspect
import re
from pathlib import Path

import pytest

import birads_zoo
from birads_zoo import pipeline

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_examples_run(folder, monkeypatch, capfd):
    # These steps take most of the time of such a small run, and the examples do not need them.
    monkeypatch.setattr(pipeline, "permutation_tests", lambda *given: {})
    monkeypatch.setattr(pipeline, "explain_fold", lambda *given: None)
    monkeypatch.setattr(pipeline, "draw_all", lambda figures, *given: (figures / "roc-curves.png").write_bytes(b""))
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    assert len(blocks) > 5
    values: dict[str, object] = {}
    for number, block in enumerate(blocks):
        try:
            exec(compile(block, f"docs/api.md, example {number + 1}", "exec"), values)
        except Exception as error:
            pytest.fail(f"example {number + 1} of docs/api.md fails: {error}\n{block}")
    run = values["run"]
    assert run.recipe.loss.options == {"gamma": 1.5}
    assert run.recipe.training.learning_rate == 3e-4
    assert (folder / "report.html").is_file()
    assert values["audit"].summary.usable > 0
    assert "grad-cam" in capfd.readouterr().out


def test_every_function_is_in_it():
    text = GUIDE.read_text()
    functions = [name for name in birads_zoo.__all__ if inspect.isfunction(getattr(birads_zoo, name))]
    functions = [name for name in functions if getattr(birads_zoo, name).__module__.startswith("birads_zoo.api.")]
    assert [name for name in functions if f"bz.{name}" not in text and f"`{name}`" not in text] == []
