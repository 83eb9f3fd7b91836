"""Tensors come back bit for bit, or the file is refused in one sentence."""

import json
import math
from typing import ClassVar

import msgspec
import pytest
import safetensors.torch
import torch

from birads_zoo.errors import UserError
from birads_zoo.files import StorageError
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
        assert read[name].reshape(-1).view(torch.uint8).equal(tensor.reshape(-1).view(torch.uint8)), name


def parts(path):
    """The type, the shape and the bytes of each tensor in a file, and the place where it begins."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    assert start % 8 == 0
    del header["__metadata__"]
    places = {name: [start + offset for offset in about.pop("data_offsets")] for name, about in header.items()}
    return {name: (about, content[slice(*places[name])]) for name, about in header.items()}, places


def test_the_file_is_as_the_library_writes_it(path, tmp_path):
    """The same types, shapes and bytes by name, and values at places that their types allow."""
    with safetensors.safe_open(path, framework="pt") as file:
        safetensors.torch.save_file(TENSORS, tmp_path / "library.safetensors", metadata=file.metadata())
    written, places = parts(path)
    assert written == parts(tmp_path / "library.safetensors")[0]
    assert path.stat().st_size == (tmp_path / "library.safetensors").stat().st_size
    assert all(places[name][0] % tensor.element_size() == 0 for name, tensor in TENSORS.items())


def test_a_type_that_the_format_does_not_have_is_named(tmp_path):
    given = {"angles": torch.ones(2, dtype=torch.complex64)}
    with pytest.raises(UserError, match=r"^cannot store 'angles': files of tensors have no type torch.complex64; "):
        write_tensors(tmp_path / "a.safetensors", given, Header(name="x"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_just_now_or_may_not_be_is_not_called_damaged(path, refusal):
    with pytest.raises(StorageError, match=f"^cannot read {path}: {refusal}; ") as error:
        read_tensors(path, Header, "the file", "make it again")
    assert "make it again" not in str(error.value)


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
