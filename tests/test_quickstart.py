"""The notebook is made from its script, stores no outputs, and runs from its first cell to its last."""

import importlib.util
import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOK = EXAMPLES / "quickstart.ipynb"


def test_it_is_what_its_script_makes_and_stores_no_outputs():
    spec = importlib.util.spec_from_file_location("make_notebook", EXAMPLES / "make_notebook.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.notebook((EXAMPLES / "quickstart.py").read_text(encoding="utf-8"))
    assert NOTEBOOK.read_text(encoding="utf-8") == made, "run python examples/make_notebook.py"
    assert all(not cell.get("outputs") for cell in json.loads(made)["cells"])


@pytest.mark.slow
def test_it_runs(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed (make install)")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed (make install)")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.output_type == "error"]
    shown = [output.data for output in outputs if "data" in output]
    assert any("gain in macro-F1 over" in data.get("text/html", "") for data in shown), "the run does not show itself"
    assert any("image/png" in data for data in shown), "the figure does not show itself"
    printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
    assert "macro-F1 0." in printed
    assert "grad-cam" in printed
    assert "Research use only." in printed
    assert (tmp_path / "quickstart-model" / "manifest.json").is_file()
