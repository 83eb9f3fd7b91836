"""Writes tensors with a header as one safetensors file, and reads them back only if they are what was written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors
import torch
import xxhash
from safetensors.torch import save_file
from torch import Tensor

from birads_zoo.errors import UserError
from birads_zoo.files import documents
from birads_zoo.files.documents import D, Document
from birads_zoo.files.regular import open_regular
from birads_zoo.files.whole import whole_file


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Document) -> None:
    """Write `tensors`, which are on the CPU and contiguous, with `header`, completely or not at all.

    Raises:
        StorageError: if the system refuses to write the file.

    """
    metadata = {"birads_zoo": documents.encode(header), "digest": tensors_digest(tensors)}
    with whole_file(path) as temporary:
        save_file(dict(tensors), temporary, metadata=metadata)


def read_tensors(path: Path, kind: type[D], name: str, remedy: str) -> tuple[dict[str, Tensor], D]:
    """Read the tensors and the header that `write_tensors` wrote; errors call the file `name`.

    Raises:
        UserError: when the file is missing, damaged, changed or of another format; the message ends with `remedy`,
            which says what to do.

    """
    try:
        with open_regular(path), safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is not a dict
        header = documents.decode(metadata["birads_zoo"], kind, name, remedy)
    except (OSError, safetensors.SafetensorError, KeyError) as error:
        raise UserError(f"{name} is damaged or was not written by this program ({error}); {remedy}") from None
    if tensors_digest(tensors) != metadata.get("digest"):
        raise UserError(f"{name} was changed after it was written; {remedy}")
    return tensors, header


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the XXH3 digest of tensors with their names, types and shapes."""
    state = xxhash.xxh3_128()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        state.update(f"{name}\n{tensor.dtype}\n{tuple(tensor.shape)}\n".encode())
        state.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return state.hexdigest()
