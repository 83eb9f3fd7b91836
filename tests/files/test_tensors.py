"""Tensors come back bit for bit, or the file is refused in one sentence."""

import json
import math
from typing import ClassVar

import msgspec
import pytest
import safetensors.torch
import torch

from birads_zoo.errors import UserError
from birads_zoo.files.tensors import _TYPES, read_tensors, write_tensors


class Header(msgspec.Struct, frozen=True, kw_only=True):
    FORMAT: ClassVar[int] = 3

    name: str


TENSORS = {
    "floats": torch.linspace(-1, 1, 6).reshape(2, 3),
    "halves": torch.arange(4).to(torch.bfloat16),
    "counter": torch.tensor(7),
    "flags": torch.tensor([True, False]),
    "nothing": torch.zeros(0, 4),
    "no number": torch.tensor([float("nan"), float("inf"), -0.0]),
}


@pytest.fixture
def path(tmp_path):
    write_tensors(tmp_path / "a.safetensors", TENSORS, Header(name="x"))
    return tmp_path / "a.safetensors"


def refused(path):
    with pytest.raises(UserError) as error:
        read_tensors(path, Header, "the file", "make it again")
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("; make it again")
    return str(error.value)


def test_they_come_back_with_their_header(path):
    tensors, header = read_tensors(path, Header, "the file", "")
    assert header == Header(name="x")
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        again = tensors[name]
        assert (again.dtype, again.shape) == (tensor.dtype, tensor.shape), name
        assert (
            again.numpy(force=True).tobytes() == tensor.numpy().tobytes() if name != "halves" else again.equal(tensor)
        )


@pytest.mark.parametrize("dtype", _TYPES, ids=str)
def test_the_library_reads_every_type_as_it_was(tmp_path, dtype):
    given = {
        name: torch.arange(math.prod(shape)).reshape(shape).to(dtype)
        for name, shape in {"none": (0, 3), "one": (), "é": (3,), "more": (2, 3, 5)}.items()
    }
    given["turned"] = given["more"].movedim(0, 2)
    write_tensors(tmp_path / "a.safetensors", given | {"bytes": torch.ones(3, dtype=torch.uint8)}, Header(name="x"))
    read = safetensors.torch.load_file(tmp_path / "a.safetensors")
    assert read.pop("bytes").tolist() == [1, 1, 1]
    assert read.keys() == given.keys()
    for name, tensor in given.items():
        assert (read[name].dtype, read[name].shape) == (dtype, tensor.shape), name
        assert torch.equal(read[name], tensor), name


def test_the_file_is_as_the_library_writes_it(path, tmp_path):
    """The same header, but for the order of the names, and values at places that their types allow."""
    with safetensors.safe_open(path, framework="pt") as file:
        safetensors.torch.save_file(TENSORS, tmp_path / "library.safetensors", metadata=file.metadata())
    content, expected = path.read_bytes(), (tmp_path / "library.safetensors").read_bytes()
    assert len(content) == len(expected)
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    header = json.loads(content[8 : 8 + length])
    del header["__metadata__"]
    assert all(about["data_offsets"][0] % TENSORS[name].element_size() == 0 for name, about in header.items())


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors | {"counter": torch.tensor(8)},
        lambda tensors: tensors | {"floats": tensors["floats"].reshape(3, 2)},
        lambda tensors: tensors | {"floats": tensors["floats"].view(torch.int32)},
        lambda tensors: tensors | {"another": torch.zeros(1)},
        lambda tensors: {name: tensor for name, tensor in tensors.items() if name != "flags"},
        lambda tensors: {name.replace("flags", "Flags"): tensor for name, tensor in tensors.items()},
    ],
)
def test_another_value_shape_type_or_name_is_noticed(path, change):
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    safetensors.torch.save_file(change(TENSORS), path, metadata=metadata)
    assert refused(path) == "the file was changed after it was written; make it again"


def test_a_flipped_bit_anywhere_is_noticed(path):
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    for place in range(start, len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        assert refused(path) == "the file was changed after it was written; make it again", place


def test_a_flipped_bit_in_the_header_never_gives_other_values(path):
    content = path.read_bytes()
    for place in range(8 + int.from_bytes(content[:8], "little")):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            tensors, header = read_tensors(path, Header, "the file", "make it again")
        except UserError:
            continue
        assert header == Header(name="x"), place
        assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS if name != "no number"), place


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\xff" * 64, b"PK\x03\x04" + bytes(64), (9).to_bytes(8, "little") + b"{"]
)
def test_another_file_is_refused(path, content):
    path.write_bytes(content)
    assert refused(path).startswith("the file is damaged or was not written by this program (")


def test_weights_of_another_program_are_refused(path):
    safetensors.torch.save_file(TENSORS, path)
    assert refused(path).startswith("the file is damaged or was not written by this program (")


def test_a_missing_file_is_refused(tmp_path):
    assert "No such file" in refused(tmp_path / "gone.safetensors")
