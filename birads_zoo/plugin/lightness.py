"""Finds heavy libraries that code loads at import: each would slow down the start of every command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = (
    "captum",
    "fastapi",
    "imagecodecs",
    "jinja2",
    "kornia",
    "lightning_fabric",
    "matplotlib",
    "mlflow",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "openpyxl",
    "pandas",
    "pydicom",
    "ray",
    "scipy",
    "sklearn",
    "submitit",
    "tensorboard",
    "timm",
    "torch",
    "torchvision",
    "trackio",
    "wandb",
)

_MINUTE = 60.0


def heavy_modules_after(code: str) -> tuple[str, ...]:
    """Run `code` in a fresh Python and return the heavy libraries that are loaded at its end.

    Raises `subprocess.CalledProcessError` when the code fails.
    """
    report = f"\nimport sys\nprint('\\n', *sorted(set({HEAVY!r}) & set(sys.modules)))"
    command = [sys.executable, "-P", "-c", code + report]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_MINUTE)
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr)
        raise
    return tuple(result.stdout.splitlines()[-1].split())


def heavy_modules_of(file: Path) -> tuple[str, ...]:
    """Return the heavy libraries that a plugin file loads when it is imported."""
    path = str(file.resolve())
    code = "from pathlib import Path\nfrom birads_zoo.plugin.sources import load_file"
    return heavy_modules_after(f"{code}\nload_file(Path({path!r}))")
