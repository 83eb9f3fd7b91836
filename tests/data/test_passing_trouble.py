"""Trouble of the machine while a picture is read is never kept as a property of the picture."""

import errno
import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFile

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.store import pixels
from birads_zoo.data.store.pixels import build_store
from birads_zoo.files import StorageError, refusal
from birads_zoo.interfaces import Index
from birads_zoo.recipe import ImageSection

SECTION = ImageSection(height=32, width=32)
PASSING = [MemoryError(), *(OSError(number, os.strerror(number)) for number in (errno.EMFILE, errno.EIO, errno.ESTALE))]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(refusal, "_PAUSES", (0.0, 0.0, 0.0))


@pytest.fixture
def pictures(tmp_path):
    for name in ("a.png", "b.png"):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).save(tmp_path / name)
    return Index(root=tmp_path, rows=pd.DataFrame({"image_path": ["a.png", "b.png"]}))


def _name(error):
    return errno.errorcode.get(getattr(error, "errno", None), "MemoryError")


@pytest.mark.parametrize("error", PASSING, ids=_name)
def test_it_ends_the_build_with_a_sentence_and_the_next_build_has_the_picture(pictures, tmp_path, monkeypatch, error):
    def fail(self):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(ImageFile.ImageFile, "load", fail)
        with pytest.raises(StorageError, match=r"cannot read .*a\.png: .*, and run again"):
            build_store(pictures, SECTION, tmp_path / "cache")
    store, failures = build_store(pictures, SECTION, tmp_path / "cache")
    assert len(store.array) == 2
    assert failures == {}


def test_it_is_tried_again_before_that(pictures, tmp_path, monkeypatch):
    read, failed = pixels.read_and_place, []

    def fail_twice(path, section, place):
        if failed.count(path) < 2:
            failed.append(path)
            refusal.refuse_if_passing(path, OSError(errno.EIO, "Input/output error"))
        return read(path, section, place)

    monkeypatch.setattr(pixels, "read_and_place", fail_twice)
    store, failures = build_store(pictures, SECTION, tmp_path / "cache")
    assert (len(store.array), failures, len(failed)) == (2, {}, 4)


@pytest.mark.parametrize("error", PASSING, ids=_name)
@pytest.mark.parametrize("name", ["a.png", "a.dcm"])
def test_a_file_that_cannot_be_opened_just_now_is_no_damaged_picture(tmp_path, monkeypatch, error, name):
    path = tmp_path / name
    path.write_bytes((b"\x89PNG\r\n\x1a\n" if name == "a.png" else bytes(128) + b"DICM") + bytes(200))
    original = os.open

    def fail(opened, *arguments, **options):
        if opened == path:
            raise error
        return original(opened, *arguments, **options)

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(StorageError, match="cannot read"):
        read_image(path)


def test_a_damaged_picture_is_one_and_an_unreadable_file_stays_a_reason(pictures, tmp_path):
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:300])
    (tmp_path / "b.png").unlink()
    (tmp_path / "b.png").mkdir()
    _, failures = build_store(pictures, SECTION, tmp_path / "cache")
    assert [failures[position][0] for position in (0, 1)] == ["does not decode", "unreadable file"]
