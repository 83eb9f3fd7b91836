"""Make quickstart.ipynb of quickstart.py: a cell for each `# %%`, Markdown where it is marked, and no outputs."""

import json
import re
from pathlib import Path

HERE = Path(__file__).parent


def notebook(source: str) -> str:
    """Return the notebook of a script with cells, as JSON."""
    cells = []
    for number, (marker, text) in enumerate(re.findall(r"^# %%(.*)\n((?:(?!# %%).*\n?)*)", source, re.MULTILINE)):
        about = {"id": f"cell-{number}", "metadata": {}}
        if marker.strip() == "[markdown]":
            text = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
            cells.append({"cell_type": "markdown", **about, "source": _lines(text)})
        else:
            code = {"execution_count": None, "outputs": [], "source": _lines(text)}
            cells.append({"cell_type": "code", **about, **code})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    content = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _lines(text: str) -> list[str]:
    return text.strip().splitlines(keepends=True)


if __name__ == "__main__":
    script = (HERE / "quickstart.py").read_text(encoding="utf-8")
    (HERE / "quickstart.ipynb").write_text(notebook(script), encoding="utf-8")
