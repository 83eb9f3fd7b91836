"""Writes tensors with a header as one safetensors file, and reads them back only if they are what was written."""

from __future__ import annotations

from collections.abc import Mapping
from io import BufferedWriter
from pathlib import Path

import msgspec
import safetensors
import torch
import xxhash
from torch import Tensor

from birads_zoo.errors import UserError
from birads_zoo.files import documents
from birads_zoo.files.documents import D, Document
from birads_zoo.files.refusal import refuse_if_possibly_whole
from birads_zoo.files.regular import open_regular
from birads_zoo.files.whole import whole_file

_TYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
}
"""The types that all versions of safetensors can read."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Document) -> None:
    """Write `tensors`, which are on the CPU, with `header`, completely or not at all.

    Raises:
        StorageError: if the system refuses to write the file.
        UserError: for a tensor of a type that the format does not have.

    """
    for name, tensor in tensors.items():
        if tensor.dtype not in _TYPES:
            raise UserError(f"cannot store {name!r}: files of tensors have no type {tensor.dtype}; use another type")
    metadata = {"birads_zoo": documents.encode(header), "digest": tensors_digest(tensors)}
    with whole_file(path) as temporary, temporary.open("wb") as file:
        _write(file, tensors, metadata)


def _write(file: BufferedWriter, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write the format that https://huggingface.co/docs/safetensors describes.

    That is the length of the header in 8 bytes, the header as JSON, and the values. `safetensors.torch.save_file` ends
    the process where it finds no memory for its buffer, without an exception.
    """
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))  # so all values are aligned
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name in names:
        start, end = end, end + tensors[name].nbytes
        about = {"dtype": _TYPES[tensors[name].dtype], "shape": list(tensors[name].shape), "data_offsets": [start, end]}
        header[name] = about
    text = msgspec.json.encode(header)
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in names:
        file.write(_values(tensors[name]))


def read_tensors(path: Path, kind: type[D], name: str, remedy: str) -> tuple[dict[str, Tensor], D]:
    """Read the tensors and the header that `write_tensors` wrote; errors call the file `name`.

    Raises:
        StorageError: when the system cannot read the file just now, or may not.
        UserError: when the file is missing, damaged, changed or of another format; the message ends with `remedy`,
            which says what to do.

    """
    try:
        with open_regular(path), safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is not a dict
        header = documents.decode(metadata["birads_zoo"], kind, name, remedy)
    except OSError as error:
        refuse_if_possibly_whole(path, error)
        raise UserError(f"cannot read {name}: {error.strerror or error}; {remedy}") from None
    except (safetensors.SafetensorError, KeyError) as error:
        raise UserError(f"{name} is damaged or was not written by this program ({error}); {remedy}") from None
    if tensors_digest(tensors) != metadata.get("digest"):
        raise UserError(f"{name} was changed after it was written; {remedy}")
    return tensors, header


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the XXH3 digest of tensors with their names, types and shapes."""
    state = xxhash.xxh3_128()
    for name in sorted(tensors):
        tensor = tensors[name]
        state.update(f"{name}\n{tensor.dtype}\n{tuple(tensor.shape)}\n".encode())
        state.update(_values(tensor))
    return state.hexdigest()


def _values(tensor: Tensor) -> memoryview:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data
