import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.features
import pytest
from PIL import Image

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.placement.geometry import place
from birads_zoo.data.store import pixels as room
from birads_zoo.data.store.pixels import build_store, decoded_by, levels_apart
from birads_zoo.interfaces import Index
from birads_zoo.recipe import ImageSection

SECTION = ImageSection(height=32, width=24)


def _picture(number: int, height: int = 60, width: int = 50) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    inside = ((rows - height / 2) / (height / 2.5)) ** 2 + (columns / (width / 1.5)) ** 2 < 1
    return np.where(inside, 100 + 3 * number % 150, 5).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    root.mkdir()
    for number in range(6):
        Image.fromarray(_picture(number)).save(root / f"{number}.png")
    return root


def _index(root: Path, names: list[str] | None = None) -> Index:
    names = names or sorted(path.name for path in root.iterdir())
    return Index(root=root, rows=pd.DataFrame({"image_path": names}))


def _count_reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int] | None]:
    """Return a list of the sizes at which pictures are read from now on, `None` for full size."""
    read: list[tuple[int, int] | None] = []
    original = room.read_picture

    def counting(path: Path, at_least: tuple[int, int] | None = None) -> object:
        read.append(at_least)
        return original(path, at_least)

    monkeypatch.setattr(room, "read_picture", counting)
    return read


def test_a_store_holds_every_picture_placed(folder: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    store, failures = build_store(_index(folder), SECTION, tmp_path / "cache", lambda *done: calls.append(done))
    assert failures == {}
    assert (store.array.shape, store.array.dtype) == ((6, 32, 24), np.uint8)
    assert isinstance(store.array, np.memmap)
    assert not store.array.flags.writeable
    for number in range(6):
        pixels, placement = place(read_image(folder / f"{number}.png"), SECTION)
        np.testing.assert_array_equal(store.array[number], pixels)
        assert store.placements[number] == placement
    assert [done for done, _ in calls[:6]] == [1, 2, 3, 4, 5, 6]
    assert calls[-1] == (6, 6)


def test_a_store_is_reused_if_nothing_changed(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = build_store(_index(folder), SECTION, tmp_path)
    read = _count_reads(monkeypatch)
    again, _ = build_store(_index(folder), SECTION, tmp_path)
    assert read == []
    assert again.key == first.key
    assert again.placements == first.placements
    np.testing.assert_array_equal(again.array, first.array)


def test_a_store_depends_on_content_order_and_geometry_not_on_names(folder: Path, tmp_path: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    first, _ = build_store(_index(folder, names), SECTION, tmp_path)
    turned, _ = build_store(_index(folder, names[::-1]), SECTION, tmp_path)
    larger, _ = build_store(_index(folder, names), ImageSection(height=33, width=24), tmp_path)
    whole, _ = build_store(_index(folder, names), ImageSection(height=32, width=24, crop=False), tmp_path)
    Image.fromarray(_picture(40)).save(folder / "0.png")
    changed, _ = build_store(_index(folder, names), SECTION, tmp_path)
    assert len({store.key.digest for store in (first, turned, larger, whole, changed)}) == 5
    assert not np.array_equal(changed.array[0], first.array[0])
    renamed = folder.rename(folder.with_name("elsewhere"))
    assert build_store(_index(renamed, names), SECTION, tmp_path)[0].key == changed.key


def test_another_decoder_makes_another_store_of_the_same_pictures(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = build_store(_index(folder), SECTION, tmp_path)
    assert first.key.decoders["pillow"] == PIL.__version__
    assert first.key.decoders["libjpeg-turbo"] == PIL.features.version("libjpeg_turbo")
    assert "pydicom" not in first.key.decoders, "a version that no picture here depends on"
    read = _count_reads(monkeypatch)
    monkeypatch.setattr(PIL.features, "version", lambda name: "1.2.3" if name == "libjpeg_turbo" else None)
    other, _ = build_store(_index(folder), SECTION, tmp_path)
    assert len(read) == 6, "pictures that another version decoded were taken for its own"
    assert other.key.pictures == first.key.pictures
    assert other.key.digest != first.key.digest
    store = decoded_by(other, first.key.decoders)
    assert store is not None
    assert store.key == first.key
    assert decoded_by(other, {"pillow": "0"}) is None


def test_dicom_decoders_are_part_of_the_key_for_dicom_files(tmp_path: Path, write_dicom: Callable[..., Path]) -> None:
    write_dicom(tmp_path / "pictures" / "a.dcm", _picture(0))
    store, _ = build_store(_index(tmp_path / "pictures"), SECTION, tmp_path / "cache")
    assert {"pydicom", "imagecodecs", "openjpeg"} <= set(store.key.decoders)
    assert all(store.key.decoders.values()), store.key.decoders


@pytest.mark.parametrize(
    ("some", "others", "apart"),
    [
        (np.array([[[3, 200]], [[9, 0]]], np.uint8), np.array([[[3, 199]], [[9, 0]]], np.uint8), 1),
        (np.array([[[3, 200]], [[9, 0]]], np.uint8), np.array([[[3, 200]], [[7, 0]]], np.uint8), 2),
        (np.array([[[3, 200]]], np.uint8), np.array([[[3 * 257, 201 * 257]]], np.uint16), 1),
        (np.array([[[0, 65535]]], np.uint16), np.array([[[514, 65535]]], np.uint16), 2),
        (np.zeros((0, 2, 2), np.uint8), np.zeros((0, 2, 2), np.uint8), 0),
    ],
)
def test_grey_levels_apart(some: np.ndarray, others: np.ndarray, apart: float) -> None:
    assert levels_apart(some, others) == levels_apart(others, some) == apart


def test_failures_are_reported_by_position_and_left_out(folder: Path, tmp_path: Path) -> None:
    (folder / "1.png").write_bytes(b"")
    (folder / "3.png").write_bytes(b"<html>")
    names = [f"{number}.png" for number in range(6)] + ["none.png"]
    for _ in range(2):  # built, and reused
        store, failures = build_store(_index(folder, names), SECTION, tmp_path / "cache")
        assert {position: reason for position, (reason, _) in failures.items()} == {
            1: "does not decode",
            3: "does not decode",
            6: "no file",
        }
        assert failures[1][1] == "the file is empty"
        assert len(store.array) == len(store.placements) == 4
        for stored, number in zip(store.array, (0, 2, 4, 5), strict=True):
            np.testing.assert_array_equal(stored, place(read_image(folder / f"{number}.png"), SECTION)[0])


def test_no_picture_at_all_gives_an_empty_store(tmp_path: Path) -> None:
    store, failures = build_store(_index(tmp_path, ["none.png"]), SECTION, tmp_path / "cache")
    assert store.array.shape == (0, 32, 24)
    assert list(failures) == [0]


def test_one_16_bit_source_makes_all_pictures_16_bit(folder: Path, tmp_path: Path) -> None:
    Image.fromarray(_picture(2).astype(np.uint16) * np.uint16(200)).save(folder / "2.png")
    store, _ = build_store(_index(folder), SECTION, tmp_path)
    assert store.array.dtype == np.uint16
    shallow, _ = place(_picture(0), SECTION)
    np.testing.assert_array_equal(store.array[0], shallow.astype(np.uint16) * 257)
    deep, _ = place(read_image(folder / "2.png"), SECTION)
    np.testing.assert_array_equal(store.array[2], deep)


@pytest.mark.parametrize("size", [(960, 720), (480, 360)])
@pytest.mark.parametrize(
    ("height", "width", "fit", "reads"),
    [
        (0.2, 0.2, "pad", 2),
        (0.6, 0.2, "stretch", 2),  # too small in one direction
        (0.2, 0.7, "stretch", 2),
        (0.6, 0.7, "stretch", 1),
    ],
)
def test_a_small_breast_in_a_large_jpeg_keeps_its_detail(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    height: float,
    width: float,
    fit: str,
    reads: int,
) -> None:
    """Pictures are decoded at 240×180, which is enough for a breast of 80×64 pixels. A smaller one is read again."""
    frame = np.zeros(size, np.uint8)
    tall, wide = int(height * size[0]), int(width * size[1])
    frame[size[0] // 4 : size[0] // 4 + tall, :wide] = _picture(9, tall, wide)
    Image.fromarray(frame).save(tmp_path / "a.jpg", quality=95)
    section = ImageSection(height=80, width=64, fit=fit)
    read = _count_reads(monkeypatch)
    store, _ = build_store(_index(tmp_path, ["a.jpg"]), section, tmp_path / "cache")
    assert read == [(160, 128), None][:reads]
    if reads == 2:
        expected, placement = place(read_image(tmp_path / "a.jpg"), section)
        assert placement.scale_y > 0.1, "the breast was found"
        np.testing.assert_array_equal(store.array[0], expected)
        assert store.placements[0] == placement


def test_placements_map_the_files_pixels_after_reduced_decoding(tmp_path: Path) -> None:
    Image.fromarray(_picture(9, 800, 640)).save(tmp_path / "a.jpg", quality=95)
    store, _ = build_store(_index(tmp_path, ["a.jpg"]), ImageSection(height=80, width=64, crop=False), tmp_path / "c")
    xs, ys = store.placements[0].points(np.array([0.0, 640.0]), np.array([0.0, 800.0]))
    np.testing.assert_allclose(xs, [0, 64])
    np.testing.assert_allclose(ys, [0, 80])


def test_real_kaumds_pictures(tmp_path: Path) -> None:
    data = os.environ.get("BIRADS_ZOO_DATA")
    if not data:
        pytest.skip("BIRADS_ZOO_DATA is not set: no real pictures at hand")
    root = Path(data) / "kaumds-sample"
    names = sorted(path.relative_to(root).as_posix() for path in root.glob("mammograms/*/*.jpg"))
    store, failures = build_store(_index(root, names), ImageSection(), tmp_path)
    assert failures == {}
    assert store.array.shape == (21, 224, 224)
    assert store.array.reshape(21, -1).mean(axis=1).min() > 10  # each shows a breast, not a black frame


def test_a_dicom_picture_is_read_after_its_decoder_is_installed(
    tmp_path: Path, write_dicom: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import imagecodecs
    from pydicom import uid
    from pydicom.encaps import encapsulate

    deep = _picture(0).astype(np.uint16) * 16
    stream = imagecodecs.jpeg8_encode(deep, lossless=True, bitspersample=12)
    shape = {"Rows": 60, "Columns": 50, "BitsAllocated": 16, "BitsStored": 12, "PixelRepresentation": 0}
    root = tmp_path / "pictures"
    write_dicom(root / "a.dcm", encapsulate([stream]), TransferSyntaxUID=uid.JPEGLosslessSV1, **shape)
    write_dicom(root / "b.dcm", deep, BitsStored=12)
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "imagecodecs", None)
        store, failures = build_store(_index(root), SECTION, tmp_path / "cache")
        assert {at: reason for at, (reason, _) in failures.items()} == {0: "no decoder"}
    store, failures = build_store(_index(root), SECTION, tmp_path / "cache")
    assert failures == {}
    assert store.array.dtype == np.uint16
    np.testing.assert_array_equal(store.array[0], store.array[1])
    np.testing.assert_array_equal(store.array[0], place(read_image(root / "b.dcm"), SECTION)[0])
