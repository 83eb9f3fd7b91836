"""Imports the optional packages that the graph formats need."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from birads_zoo.errors import UserError


def import_package(package: str, extra: str) -> Any:
    """Import `package`, which belongs to the project's extra `extra`.

    Raises:
        UserError: if it is not installed.

    """
    # birads-zoo sends nothing unless its user asks for it.
    if package == "onnxruntime":
        # From 1.29 on it sends the names and hashes of models to Microsoft, unless this is set before its import
        # (github.com/microsoft/onnxruntime/pull/27379).
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    if package == "openvino":
        # Its import makes an id of the machine, and reports itself to Intel, if it can import this package.
        modules: dict[str, Any] = sys.modules
        modules.setdefault("openvino_telemetry", None)
    try:
        return importlib.import_module(package)
    except ImportError:
        raise UserError(
            f"the format {extra} needs the package {package}: install it with pip install 'birads-zoo[{extra}]'"
        ) from None
