"""Hostile files of weights: safetensors, and pickles that PyTorch would write (.pth)."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

from hostile.case import Base, Case, Content, as_file, damaged


def cases() -> Iterator[Case]:
    for suffix, whole in (("safetensors", safetensors), ("pth", pth), ("pth", partial(pth, old=True))):
        name = f"weights {suffix}{' of the old format' if whole not in (safetensors, pth) else ''}"
        yield as_file("weights", f"{name}, whole", whole, f"a.{suffix}", refused=False, control=True)
        yield from damaged("weights", name, whole, f"a.{suffix}")
        for what, content in _no_weights():
            yield as_file("weights", f"{name} {what}", content, f"a.{suffix}")
    for name, content in _safetensors():
        yield as_file("weights", f"safetensors {name}", content, "a.safetensors")
        yield as_file("checkpoint", f"checkpoint {name}", content, "best.safetensors")
    for name, content in _pickles():
        yield as_file("weights", f"pth {name}", content, "a.pth")
    yield Case(name="checkpoint, whole", reader="checkpoint", make=_checkpoint, refused=False, control=True)
    yield from (Case(name=f"weights {path}", reader="weights", make=partial(_place, path)) for path in _PLACES)
    yield from (_executed(*entry) for entry in _CODE)


@cache
def _state() -> dict[str, object]:
    from hostile.readers import classifier

    return dict(classifier().backbone.state_dict())


@cache
def safetensors() -> bytes:
    from safetensors.torch import save

    return save(_state())


@cache
def pth(old: bool = False) -> bytes:
    return _torch_saved(_state(), old)


def _torch_saved(value: object, old: bool = False) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=not old)
    return file.getvalue()


def _no_weights() -> Iterator[tuple[str, Content]]:
    yield "that is empty", b""
    yield "that is text", b"root:x:0:0:root:/root:/bin/bash\n" * 40
    yield "that is noise", bytes(range(256)) * 40
    yield "that is a ZIP file of something else", lambda: _zip_of({"a.txt": b"hello"})
    yield "that is half of a ZIP file", lambda: pth()[: len(pth()) // 2]
    yield "that is a web page", b"<!DOCTYPE html><html>403 Forbidden</html>"
    yield "that is JSON", b'{"a": [1, 2]}'


def _header(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _entry(shape: list[int], start: int, end: int, kind: str = "F32") -> dict[str, object]:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


def _safetensors() -> Iterator[tuple[str, Content]]:
    yield "whose header states 2⁶³ bytes", struct.pack("<Q", 2**63) + b"{}"
    yield "whose header states 2⁶⁴−1 bytes", struct.pack("<Q", 2**64 - 1) + b"{}"
    yield "whose header states 90 MB", struct.pack("<Q", 90_000_000) + b"{}"
    yield "whose header is nested deep", _header(b'{"a":' * 50_000)
    yield "whose header is a list", _header([1])
    yield "with a tensor beyond its end", _header({"a": _entry([10**6], 0, 4 * 10**6)})
    yield "with a tensor of 2⁶² values", _header({"a": _entry([2**31, 2**31], 0, 4)}, bytes(4))
    yield "with a tensor that ends before it starts", _header({"a": _entry([1], 4, 0)}, bytes(4))
    yield (
        "with a tensor of a negative size",
        _header(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', bytes(4)),
    )
    yield "with overlapping tensors", _header({"a": _entry([1], 0, 4), "b": _entry([1], 0, 4)}, bytes(4))
    yield "with an unknown type", _header({"a": _entry([1], 0, 4, "X99")}, bytes(4))
    yield "with a hole", _header({"a": _entry([1], 4, 8)}, bytes(8))
    yield "with 20,000 tensors", lambda: _header({f"a{n}": _entry([0], 0, 0) for n in range(20_000)})
    yield "with a name that colours the terminal", _header({"\x1b[31mred\x07\n": _entry([1], 0, 4)}, bytes(4))
    yield "with odd metadata", _header({"__metadata__": {"birads_zoo": "{"}, "a": _entry([1], 0, 4)}, bytes(4))
    deep = '{"format":1,"history":' + "[" * 100_000
    yield "with deep metadata", _header({"__metadata__": {"birads_zoo": deep}, "a": _entry([1], 0, 4)}, bytes(4))


def _zip_of(files: dict[str, bytes], packed: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def _parts(whole: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _with_pickle(code: bytes, **others: bytes) -> bytes:
    return _zip_of({"a/data.pkl": code, "a/version": b"3\n", "a/byteorder": b"little", **others})


def _torch_bomb() -> bytes:
    """Return 300 KB that unpack to a tensor of 300 MB."""
    import torch

    parts = _parts(_torch_saved({"a": torch.zeros(1)}))
    pkl = next(name for name in parts if name.endswith("data.pkl"))
    parts[pkl] = parts[pkl].replace(b"K\x01tq", b"J" + struct.pack("<i", 75_000_000) + b"tq")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            if name.endswith("data/0"):
                with archive.open(name, "w", force_zip64=True) as file:
                    for _ in range(300):
                        file.write(bytes(1_000_000))
            else:
                archive.writestr(name, content)
    return out.getvalue()


def _pickles() -> Iterator[tuple[str, Content]]:
    from_global = b"\x80\x02c%s\n%s\n"
    large = b"\x80\x02cbuiltins\nbytearray\nJ" + struct.pack("<i", 2_000_000_000) + b"\x85R."
    yield "with a list", lambda: _torch_saved([1, 2])
    yield "with a number", lambda: _torch_saved(7)
    yield "with texts as values", lambda: _torch_saved({"a": "b"})
    yield "with numbers as names", lambda: _torch_saved({1: 2})
    yield "with a bytearray of 2 GB", _with_pickle(large)
    yield "with a bytearray of 2 GB, old format", _old(large)
    tensor = b"\x80\x02ctorch\nTensor\n" + b"".join(b"J" + struct.pack("<i", 100_000) for _ in range(2)) + b"\x86R."
    yield "with a tensor of 40 GB that is made", _with_pickle(tensor)
    yield "of lists nested 100,000 deep", _with_pickle(b"\x80\x02" + b"(" * 100_000 + b"l" * 100_000 + b".")
    yield "of tuples nested 1,000,000 deep", _with_pickle(b"\x80\x02)" + b"\x85" * 1_000_000 + b".")
    yield (
        "with an integer of 1 MB",
        _with_pickle(b"\x80\x02\x8b" + struct.pack("<i", 1_000_000) + b"\x7f" * 1_000_000 + b"."),
    )
    yield "with a text that states 4 GB", _with_pickle(b"\x80\x04\x8d" + struct.pack("<Q", 2**32) + b"a.")
    yield "with a class that does not exist", _with_pickle(from_global % (b"no", b"Such") + b")R.")
    yield "with a stack that is empty", _with_pickle(b"\x80\x02.")
    yield "without an end", _with_pickle(b"\x80\x02}")
    yield "of protocol 255", _with_pickle(b"\x80\xff}.")
    yield "with an unknown instruction", _with_pickle(b"\x80\x02\xfe.")
    yield "without its pickle", _zip_of({"a/version": b"3\n"})
    yield "without a tensor's values", lambda: _without_values()
    yield "that unpacks to 300 MB", _torch_bomb
    yield "with a tensor whose values repeat 10¹² times", lambda: _repeating()
    yield (
        "that is a TorchScript archive",
        _zip_of({"a/constants.pkl": b"\x80\x02).", "a/data.pkl": b"\x80\x02}.", "a/code/a.py": b"import os"}),
    )
    yield "that is a tar file", b"pickle".ljust(257, b"\0") + b"ustar\x0000" + bytes(5000)


def _old(code: bytes) -> bytes:
    """Return a file of the format before PyTorch 1.6: a magic number, a version, the machine, and the value."""
    magic = 0x1950A86A20F9469CFC6C
    return b"".join(pickle.dumps(part, 2) for part in (magic, 1001, {"little_endian": True})) + code


def _without_values() -> bytes:
    return _zip_of({name: content for name, content in _parts(pth()).items() if "/data/" not in name})


def _repeating() -> bytes:
    import torch

    return _torch_saved({name: torch.zeros(1).expand(10**6, 10**6) for name in _state()})


def _checkpoint(folder: Path, base: Base) -> Path:
    return base.run / "checkpoints" / "fold-0" / "best.safetensors"


_PLACES = (
    "/etc/passwd",
    "/dev/zero",
    "/dev/null",
    "/dev/stdin",
    "/proc/self/mem",
    "/proc/kmsg",
    "/tmp",
    "a\0b.pth",
    "x" * 5000,
)


def _place(path: str, folder: Path, base: Base) -> Path:
    return Path(path)


_CODE = (
    ("os.system", b"cposix\nsystem\n", "touch {marker}"),
    ("eval", b"cbuiltins\neval\n", "open({marker!r}, 'w')"),
    ("exec", b"cbuiltins\nexec\n", "open({marker!r}, 'w')"),
    ("subprocess", b"csubprocess\ngetoutput\n", "touch {marker}"),
    ("runpy", b"crunpy\nrun_path\n", "{marker}"),
    ("torch.load", b"ctorch.serialization\nload\n", "{marker}"),
    ("torch.hub", b"ctorch.hub\nload_state_dict_from_url\n", "http://127.0.0.1:9/{marker}"),
    ("torch.jit", b"ctorch.jit\nload\n", "{marker}"),
    ("numpy", b"cnumpy\nfromfile\n", "{marker}"),
    ("pathlib", b"cpathlib\nPath.touch\n", "{marker}"),
)
"""Ways to run code: a name, a pickled function, and its argument, which may leave a file `marker`."""


def _executed(name: str, function: bytes, argument: str) -> Case:
    def make(folder: Path, base: Base) -> Path:
        text = argument.format(marker=str(folder / "executed")).encode()
        code = b"\x80\x02" + function + b"X" + struct.pack("<I", len(text)) + text + b"\x85R."
        path = folder / "a.pth"
        path.write_bytes(_with_pickle(code) if name != "os.system" else _old(code))
        return path

    return Case(name=f"pth that calls {name}", reader="weights", make=make)
