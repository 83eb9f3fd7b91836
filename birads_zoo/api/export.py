"""`birads_zoo.export`: exports a finished run as a model that predicts without it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from birads_zoo.api.open_run import Run, as_run

if TYPE_CHECKING:
    from birads_zoo.artifact.manifest import NetworkFormat, Precision


def export(
    run: Run | Path | str,
    format: NetworkFormat = "safetensors",
    *,
    out: Path | str | None = None,
    root: Path | str | None = None,
    device: str = "auto",
    precision: Precision = "float32",
    plugins: Sequence[Path | str] = (),
    progress: bool = True,
) -> Path:
    """Export every fold's network of a finished run, with its preprocessing, calibration, card and checksums.

    Each network is opened again from its file and compared with the trained one on pictures of the run. Open the
    returned folder with `load`.

    Args:
        run: a run or its folder.
        format: "safetensors" (weights for birads-zoo itself), "onnx" (a graph for ONNX Runtime), "openvino" (one for
            OpenVINO, on a CPU) or "exported-program" (one for `torch.export.load`).
        out: the folder to make; by default `model-FORMAT` in the run's folder.
        root: the folder of the run's data, if it was moved.
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision: what the model predicts in, "float32" or "bfloat16" (safetensors and openvino). bfloat16 is faster
            where the device has instructions for it. It changes probabilities a little; the export says how much.
        plugins: plugin files that are needed in addition to the installed plugins.
        progress: show progress on stderr.

    Raises:
        UserError: when the run or its data cannot be opened, `out` exists, or an exported network differs from the
            trained one. Nothing is written then.

    """
    return as_run(run, plugins).export(
        format, out=out, root=root, device=device, precision=precision, progress=progress
    )
