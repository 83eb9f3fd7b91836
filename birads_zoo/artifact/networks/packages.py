"""Imports the optional packages that the graph formats need."""

from __future__ import annotations

import importlib
import os
from typing import Any

from birads_zoo.errors import UserError


def import_package(package: str, extra: str) -> Any:
    """Import `package`, which belongs to the project's extra `extra`.

    Raises:
        UserError: if it is not installed.

    """
    if package == "onnxruntime":
        # From 1.29 on it sends the names and hashes of models to Microsoft, unless this is set before its import
        # (github.com/microsoft/onnxruntime/pull/27379). birads-zoo sends nothing unless its user asks for it.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        return importlib.import_module(package)
    except ImportError:
        raise UserError(
            f"the format {extra} needs the package {package}: install it with pip install 'birads-zoo[{extra}]'"
        ) from None
