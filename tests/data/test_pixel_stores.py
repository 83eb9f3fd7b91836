"""Pixel stores on disk: damaged, in an unwritable folder, or built by two processes at once."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.placement.geometry import place
from birads_zoo.data.store.pixels import StoreManifest, build_store
from birads_zoo.errors import UserError
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
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(root / f"{number}.png")
    return root


def _index(root: Path) -> Index:
    return Index(root=root, rows=pd.DataFrame({"image_path": sorted(path.name for path in root.iterdir())}))


@pytest.mark.parametrize("damage", ["truncated", "no manifest", "garbage manifest", "other format", "no placements"])
def test_a_damaged_store_is_rebuilt(folder: Path, tmp_path: Path, damage: str) -> None:
    first, _ = build_store(_index(folder), SECTION, tmp_path)
    expected = np.array(first.array)
    store = tmp_path / "pixels" / first.key.digest
    manifest = store / "manifest.json"
    if damage == "truncated":
        (store / "pixels.npy").write_bytes((store / "pixels.npy").read_bytes()[:-7])
    elif damage == "no manifest":
        manifest.unlink()
    elif damage == "garbage manifest":
        manifest.write_text("{")
    elif damage == "other format":
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 99}))
    else:
        (store / "placements.npy").unlink()
    before = store.stat().st_ino
    again, _ = build_store(_index(folder), SECTION, tmp_path)
    np.testing.assert_array_equal(again.array, expected)
    assert store.stat().st_ino != before, "it was not built again"


def test_a_store_says_its_format_and_who_wrote_it(folder: Path, tmp_path: Path) -> None:
    store, _ = build_store(_index(folder), SECTION, tmp_path)
    manifest = json.loads((tmp_path / "pixels" / store.key.digest / "manifest.json").read_text())
    assert (manifest["format"], manifest["birads_zoo"]) == (StoreManifest.FORMAT, __version__)


def test_an_unwritable_cache_gives_one_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file.*choose another place"):
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
