"""A process that reads hostile inputs one at a time: `python -m hostile.worker FOLDER SECRET`.

Each line of its input is JSON: a reader and a path. It answers each with a line of JSON: what happened. It may use 10 s
of processor time for an input and may not change a file outside FOLDER, read one in SECRET, or start a program.
"""

import gc
import importlib
import json
import os
import resource
import signal
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SECONDS = 10
"""The processor time for one input. The process is ended by SIGPROF if it takes more."""
ADDRESSES = 12 << 30
"""Bytes of address space beyond which an allocation fails: a failing test must not fill the machine's memory."""


def _bytes_of(name: str) -> int:
    """Return "VmRSS", the memory in use, or "VmHWM", the most since it was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _try(reader: str, path: Path) -> dict[str, Any]:
    from hostile.readers import RefusedError, read

    from birads_zoo.data.picture import ImageError
    from birads_zoo.errors import UserError
    from birads_zoo.printable import shortened

    try:
        read(reader, path)
    except (UserError, ImageError, RefusedError) as error:
        return {"outcome": "refused", "reason": shortened(str(error))}
    except BaseException as error:
        # The text may be gigabytes long.
        return {"outcome": "crashed", "reason": "".join(traceback.format_exception(error, limit=-6))[-3000:]}
    return {"outcome": "read", "reason": ""}


def _import_everything() -> None:
    """Import before the watch begins: some packages start programs to find libraries, and fill the memory."""
    import imagecodecs  # noqa: F401
    import openpyxl  # noqa: F401
    import pydicom.pixels  # noqa: F401
    from hostile import readers

    readers.host()
    readers.classifier()
    for name in ("artifact.model", "recipes.compose", "runs.finished", "explanation.files", "data.index.audit"):
        importlib.import_module(f"birads_zoo.{name}")
    if find_spec("onnxruntime"):
        importlib.import_module("onnxruntime")
    gc.collect()
    gc.freeze()  # so that the collections between inputs are quick


def main(folder: Path, secret: Path) -> None:
    from fixtures.guard import watch

    _import_everything()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # a reader that prints must not disturb the answers
    watch.own, watch.secret, watch.on = folder, secret, True
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES + _bytes_of("VmSize"), resource.RLIM_INFINITY))
    for line in sys.stdin:
        reader, path = json.loads(line)
        gc.collect()
        watch.outside.clear()
        watch.executed.clear()
        Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
        before = _bytes_of("VmRSS")
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        answer = _try(reader, Path(path))
        signal.setitimer(signal.ITIMER_PROF, 0)
        answer |= {"grown": _bytes_of("VmHWM") - before, "outside": watch.outside, "executed": watch.executed}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
