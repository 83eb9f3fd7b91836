"""Pixel stores on disk: damaged, in an unwritable folder, or built by two processes at once."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.placement.geometry import place
from birads_zoo.data.store import pixels
from birads_zoo.data.store.key import find_key
from birads_zoo.data.store.pixels import StoreManifest, build_store
from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.interfaces import Index
from birads_zoo.recipe import ImageSection
from birads_zoo.version import __version__

SECTION = ImageSection(height=32, width=24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures of noise."""
    root = tmp_path / "pictures"
    root.mkdir()
    noise = np.random.default_rng(7).integers(5, 200, (6, 60, 50), np.uint8)
    for number, picture in enumerate(noise):
        Image.fromarray(picture).save(root / f"{number}.png")
    return root


def _index(root: Path) -> Index:
    return Index(root=root, rows=pd.DataFrame({"image_path": sorted(path.name for path in root.iterdir())}))


@pytest.fixture
def built(folder: Path, tmp_path: Path) -> Path:
    """The folder of their store."""
    store, _ = build_store(_index(folder), SECTION, tmp_path)
    return tmp_path / "pixels" / store.key.digest


def _flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << position % 8
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("pixels.npy", lambda path: path.write_bytes(path.read_bytes()[:-7]), r"is damaged \(pixels\.npy\)"),
        ("pixels.npy", lambda path: _flip(path, -1), r"is damaged \(pixels\.npy\)"),
        ("placements.npy", Path.unlink, r"is damaged \(placements\.npy\)"),
        ("placements.npy", lambda path: _flip(path, -1), r"is damaged \(placements\.npy\)"),
        ("manifest.json", lambda path: path.write_text("{"), r"manifest\.json is damaged \(.*\)"),
        ("manifest.json", lambda path: path.write_text("{}"), r"manifest\.json was written by an older birads-zoo"),
        ("manifest.json", lambda path: _flip(path, -9), r"manifest\.json (is damaged|was changed after)"),
    ],
)
def test_a_damaged_store_is_reported_and_built_again(
    folder: Path, built: Path, name: str, damage: Callable[[Path], None], message: str
) -> None:
    expected = {path.name: path.read_bytes() for path in built.iterdir()}
    damage(built / name)
    with pytest.warns(BiradsZooWarning, match=rf"{message}.*; (it|the store) is built again when needed"):
        build_store(_index(folder), SECTION, built.parents[1])
    assert {path.name: path.read_bytes() for path in built.iterdir()} == expected


@pytest.mark.parametrize("name", ["pixels.npy", "placements.npy", "manifest.json"])
def test_a_flipped_bit_anywhere_in_a_store_is_noticed(
    folder: Path, built: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels, "_build", lambda *_: None)  # what is still damaged is noticed after that too
    path, content = built / name, (built / name).read_bytes()
    version = content.find(__version__.encode()) if name == "manifest.json" else -1
    for position in range(0, len(content), 11):
        if version <= position < version + len(__version__):
            continue  # who wrote the store makes no difference
        _flip(path, position)
        with pytest.warns(BiradsZooWarning, match="built again"), pytest.raises(UserError, match="was damaged while"):
            build_store(_index(folder), SECTION, built.parents[1])
        path.write_bytes(content)


def test_a_store_without_a_manifest_is_built_again(folder: Path, built: Path) -> None:
    (built / "manifest.json").unlink()
    build_store(_index(folder), SECTION, built.parents[1])
    assert (built / "manifest.json").exists()


def test_a_store_of_another_format_is_built_again(
    folder: Path, built: Path, edited: Callable[[Path], AbstractContextManager[dict[str, object]]]
) -> None:
    with edited(built / "manifest.json") as values:
        values["format"] = 99
    with pytest.warns(BiradsZooWarning, match=r"in format 99, and this one .*; the store is built again"):
        build_store(_index(folder), SECTION, built.parents[1])
    assert json.loads((built / "manifest.json").read_text())["format"] == StoreManifest.FORMAT


def test_a_file_is_hashed_once_in_a_process_unless_it_changed_or_is_new(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[BinaryIO] = []
    original = hashlib.file_digest

    def counted(file: BinaryIO, digest: Callable[[], object]) -> object:
        hashed.append(file)
        return original(file, digest)

    monkeypatch.setattr("hashlib.file_digest", counted)
    index = _index(folder)
    paths = [folder / name for name in index.rows["image_path"]]
    keys = [find_key(paths, SECTION, 1, 2).digest for _ in range(2)]
    assert len(hashed) == 2 * len(paths), "what was written just now could change again and look the same"
    monkeypatch.setattr("birads_zoo.data.store.key._SETTLED", 0.0)
    keys += [find_key(paths, SECTION, 1, 2).digest for _ in range(2)]
    assert len(hashed) == 3 * len(paths)
    assert len(set(keys)) == 1
    content = paths[0].read_bytes()
    paths[0].write_bytes(content[:-1] + b"x")
    assert find_key(paths, SECTION, 1, 2).digest not in keys
    assert len(hashed) == 3 * len(paths) + 1


def test_the_store_of_other_pictures_is_not_taken_for_this_one(folder: Path, built: Path, tmp_path: Path) -> None:
    other, _ = build_store(
        _index(folder), ImageSection(height=SECTION.height, width=SECTION.width, fit="stretch"), tmp_path / "other"
    )
    shutil.rmtree(built)
    shutil.copytree(tmp_path / "other" / "pixels" / other.key.digest, built)
    with pytest.warns(BiradsZooWarning, match="has the pictures of another store; it is built again when needed"):
        store, _ = build_store(_index(folder), SECTION, built.parents[1])
    assert store.placements != other.placements


def test_a_store_that_everybody_can_write_is_not_trusted(folder: Path, built: Path) -> None:
    built.chmod(0o777)
    with pytest.raises(UserError, match="can be written by every user, so it is not trusted; set BIRADS_ZOO_CACHE to"):
        build_store(_index(folder), SECTION, built.parents[1])


def test_a_store_says_its_format_and_who_wrote_it(folder: Path, tmp_path: Path) -> None:
    store, _ = build_store(_index(folder), SECTION, tmp_path)
    manifest = json.loads((tmp_path / "pixels" / store.key.digest / "manifest.json").read_text())
    assert (manifest["format"], manifest["birads_zoo"]) == (StoreManifest.FORMAT, __version__)


def test_an_unwritable_cache_gives_one_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file.*pixels: Not a directory; give the name of a folder"):
        build_store(_index(folder), SECTION, tmp_path / "file")


HELD_BUILDER = """
import sys
from pathlib import Path
import pandas as pd
from birads_zoo.data.store import pixels
from birads_zoo.interfaces import Index
from birads_zoo.recipe import ImageSection

reads, original = [], pixels.read_picture
def read(path, at_least=None):
    reads.append(path)
    return original(path, at_least)
def progress(done, of):
    if done == 3:
        print("half", flush=True)
        sys.stdin.readline()
pixels.read_picture = read
root = Path(sys.argv[1])
index = Index(root=root, rows=pd.DataFrame({"image_path": sorted(path.name for path in root.iterdir())}))
store, _ = pixels.build_store(index, ImageSection(height=32, width=24), Path(sys.argv[2]), progress)
print(len(reads), int(store.array.sum()), flush=True)
"""
"""Builds a store of six pictures. It prints "half" after three of them and waits for a line of input."""


@contextmanager
def _held_builder(folder: Path, cache: Path) -> "Iterator[subprocess.Popen[str]]":
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-c", HELD_BUILDER, str(folder), str(cache)]
    with subprocess.Popen(command, text=True, **pipes) as builder:
        try:
            yield builder
        finally:
            builder.kill()


def test_of_two_processes_one_builds_and_the_other_waits(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with _held_builder(folder, cache) as first:
        assert first.stdout.readline() == "half\n", first.communicate()
        with _held_builder(folder, cache) as second:
            assert "waiting for another run that is decoding the same pictures" in second.stderr.readline()
            built, _ = first.communicate("go on\n")
            waited, _ = second.communicate()
    assert [output.split()[0] for output in (built, waited)] == ["6", "0"], (built, waited)
    assert built.split()[1] == waited.split()[1]


def test_what_a_killed_builder_left_is_not_read(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with _held_builder(folder, cache) as builder:
        assert builder.stdout.readline() == "half\n", builder.communicate()
    (left,) = (cache / "pixels").glob(".*/")
    os.utime(left, (time.time() - 120,) * 2)  # a newer one may belong to a process that has not locked it yet
    store, failures = build_store(_index(folder), SECTION, cache)
    assert failures == {}
    np.testing.assert_array_equal(store.array[5], place(read_image(folder / "5.png"), SECTION)[0])
    assert [path.name for path in (cache / "pixels").iterdir() if path.is_dir()] == [store.key.digest]


@pytest.mark.timeout(60)
def test_the_key_of_a_pipe_is_that_of_a_file_that_cannot_be_read(tmp_path: Path, as_pipe) -> None:
    pipe, missing = as_pipe(tmp_path / "a.png"), tmp_path / "b.png"
    assert find_key([pipe], SECTION, 1, 1) == find_key([missing], SECTION, 1, 1)
