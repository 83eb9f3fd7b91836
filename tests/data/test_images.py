import io
import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from birads_zoo.data.cache_folder import cache_root
from birads_zoo.data.decoding import orientation
from birads_zoo.data.decoding.images import is_deep, read_image, read_picture
from birads_zoo.data.picture import ImageError

GRADIENT = np.tile(np.linspace(0, 255, 64, dtype=np.uint8), (48, 1))


def _saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["pgm", "png", "bmp", "tif"])
def test_lossless_grey_formats_come_back_exactly(tmp_path: Path, suffix: str) -> None:
    pixels = read_image(_saved(tmp_path / f"a.{suffix}", Image.fromarray(GRADIENT)))
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, GRADIENT)


def test_equal_colour_channels_come_back_exactly(tmp_path: Path) -> None:
    colour = Image.fromarray(np.stack([GRADIENT] * 3, axis=-1))
    np.testing.assert_array_equal(read_image(_saved(tmp_path / "a.png", colour)), GRADIENT)


def test_colour_becomes_luma(tmp_path: Path) -> None:
    green = np.zeros((20, 20, 3), np.uint8)
    green[..., 1] = 200
    pixels = read_image(_saved(tmp_path / "a.png", Image.fromarray(green)))
    assert pixels[0, 0] == round(0.587 * 200)


@pytest.mark.parametrize("mode", ["1", "LA", "RGBA", "P"])
def test_other_modes_become_one_channel(tmp_path: Path, mode: str) -> None:
    pixels = read_image(_saved(tmp_path / "a.png", Image.fromarray(GRADIENT).convert(mode)))
    assert pixels.shape == GRADIENT.shape
    assert pixels.dtype == np.uint8
    if mode in ("LA", "RGBA"):
        np.testing.assert_array_equal(pixels, GRADIENT)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_16_bit_pictures_keep_their_values(tmp_path: Path, suffix: str) -> None:
    deep = (GRADIENT.astype(np.uint16) * 257) - np.uint16(1)
    deep[0, 0] = 0
    path = tmp_path / f"a.{suffix}"
    if suffix == "pgm":
        path.write_bytes(b"P5 64 48 65535\n" + deep.astype(">u2").tobytes())
    else:
        Image.fromarray(deep).save(path)
    pixels = read_image(path)
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels, deep)
    assert is_deep(path)


def test_8_bit_and_broken_files_are_not_deep(tmp_path: Path) -> None:
    assert not is_deep(_saved(tmp_path / "a.png", Image.fromarray(GRADIENT)))
    (tmp_path / "b.png").write_bytes(b"")
    assert not is_deep(tmp_path / "b.png")


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_grey_and_colour(tmp_path: Path, mode: str) -> None:
    path = _saved(tmp_path / "a.jpg", Image.fromarray(GRADIENT).convert(mode), quality=95)
    assert np.abs(read_image(path).astype(int) - GRADIENT).max() <= 4


def test_cmyk_jpeg_with_and_without_adobes_inversion(tmp_path: Path) -> None:
    stored = io.BytesIO()
    Image.fromarray(GRADIENT).convert("RGB").convert("CMYK").save(stored, "JPEG", quality=95)
    adobe = tmp_path / "adobe.jpg"
    adobe.write_bytes(stored.getvalue())
    assert np.abs(read_image(adobe).astype(int) - GRADIENT).max() <= 6

    plain_bytes = stored.getvalue()
    marker = plain_bytes.index(b"\xff\xee")
    length = struct.unpack(">H", plain_bytes[marker + 2 : marker + 4])[0]
    plain = tmp_path / "plain.jpg"
    plain.write_bytes(plain_bytes[:marker] + plain_bytes[marker + 2 + length :])
    # The same numbers without the marker mean ink instead of its absence. All ink is in the black (K) of this file
    # but for rounding, so the picture is that of K inverted, over full cyan, magenta and yellow: black.
    assert read_image(plain).max() <= 6


def test_jpeg_is_scaled_down_but_never_below_the_given_size(tmp_path: Path) -> None:
    path = _saved(tmp_path / "a.jpg", Image.fromarray(np.tile(GRADIENT, (20, 20))))  # 960×1280
    for at_least, reduction in [((224, 224), 4), ((481, 100), 1), ((480, 100), 2), ((1, 1), 8), ((5000, 5000), 1)]:
        picture = read_picture(path, at_least)
        assert picture.reduction == reduction, at_least
        assert picture.pixels.shape == (960 // reduction, 1280 // reduction)
    assert read_image(path).shape == (960, 1280)


def test_at_least_leaves_other_formats_whole(tmp_path: Path) -> None:
    picture = read_picture(_saved(tmp_path / "a.png", Image.fromarray(np.tile(GRADIENT, (10, 10)))), (16, 16))
    assert (picture.pixels.shape, picture.reduction) == ((480, 640), 1)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def _png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content", "reason", "detail"),
    [
        ("zero.jpg", b"", "does not decode", "the file is empty"),
        ("page.jpg", b"<!DOCTYPE html><html></html>", "does not decode", "it starts with b'<!DOCTYPE html>"),
        ("header.png", b"\x89PNG\r\n\x1a\n", "does not decode", ""),
        ("dot.pgm", b"P5 1 1 255\n\0", "too small", "1×1 pixels; a side needs 16"),
        ("thin.pgm", b"P5 15 16 255\n" + bytes(240), "too small", "15×16"),
        ("huge.png", _png_header(60000, 60000), "too large", "60000×60000 pixels; 80 megapixels are the most"),
        ("huge.pgm", b"P5 20000 10001 255\n", "too large", "20000×10001"),
        ("short.pgm", b"P5 100 100 255\n" + bytes(300), "does not decode", ""),
        ("short.png", _png_header(100, 100), "does not decode", ""),
    ],
)
def test_bad_files_give_their_reason(tmp_path: Path, name: str, content: bytes, reason: str, detail: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError) as caught:
        read_image(tmp_path / name)
    assert caught.value.reason == reason
    assert detail in caught.value.detail
    assert caught.value.detail


def test_smallest_and_nearly_largest_sizes_pass_the_header_check(tmp_path: Path) -> None:
    assert read_image(_saved(tmp_path / "a.pgm", Image.new("L", (16, 16)))).shape == (16, 16)
    (tmp_path / "b.png").write_bytes(_png_header(10000, 8000))  # exactly the most; its data is missing
    with pytest.raises(ImageError, match="does not decode"):
        read_image(tmp_path / "b.png")


def test_truncated_jpeg(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)
    path = _saved(tmp_path / "a.jpg", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ImageError, match=r"does not decode: .*truncated"):
        read_image(path, (50, 50))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"^no file"):
        read_image(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match=r"^unreadable file"):
        read_image(tmp_path)


def test_floating_point_and_32_bit_pixels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="floating-point pixels; save them as 8 or 16 bits"):
        read_image(_saved(tmp_path / "f.tif", Image.fromarray(GRADIENT.astype(np.float32))))
    with pytest.raises(ImageError, match="grey values from 0 to 25500000"):
        read_image(_saved(tmp_path / "i.tif", Image.fromarray(GRADIENT.astype(np.int32) * 100_000)))


def test_many_threads_read_the_same_as_one(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    paths = []
    for number in range(40):
        pixels = generator.integers(0, 256, (64, 64), dtype=np.uint8)
        paths.append(_saved(tmp_path / f"{number}.{'png' if number % 2 else 'jpg'}", Image.fromarray(pixels)))
    alone = [read_image(path) for path in paths]
    with ThreadPoolExecutor(8) as pool:
        for expected, pixels in zip(alone, pool.map(read_image, paths), strict=True):
            np.testing.assert_array_equal(pixels, expected)


def test_cache_root_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BIRADS_ZOO_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.setenv("BIRADS_ZOO_CACHE", "")
    assert "birads-zoo" in cache_root().parts


def test_real_kaumds_jpegs_decode_small() -> None:
    data = os.environ.get("BIRADS_ZOO_DATA")
    if not data:
        pytest.skip("BIRADS_ZOO_DATA is not set: no real pictures at hand")
    path = next((Path(data) / "kaumds-sample" / "mammograms" / "BIRAD 1").glob("*.jpg"))
    assert read_image(path).shape == (3584, 2816)
    assert read_picture(path, (448, 448)).pixels.shape == (896, 704)


def _with_chunks(path, before, count, kind=b"prIv", content=b"", last=b""):
    """Write a PNG file with `count` chunks, empty or with `content`, before its first chunk of type `before`."""
    picture = io.BytesIO()
    Image.fromarray(GRADIENT).save(picture, "PNG")
    whole = picture.getvalue()
    at = whole.index(before) - 4
    path.write_bytes(whole[:at] + count * _chunk(kind, content) + last + whole[at:])
    return path


@pytest.mark.parametrize(("before", "kind"), [(b"IDAT", b"prIv"), (b"IEND", b"prIv"), (b"IDAT", b"IDAT")])
def test_a_png_of_endless_empty_chunks_is_refused_without_being_read(tmp_path, monkeypatch, before, kind):
    few = read_image(_with_chunks(tmp_path / "few.png", before, 1000, kind))
    np.testing.assert_array_equal(few, GRADIENT)
    many = _with_chunks(tmp_path / "many.png", before, 20_000, kind)
    monkeypatch.setattr(PngImagePlugin.ChunkStream, "read", lambda self: pytest.fail("Pillow went through its chunks"))
    with pytest.raises(ImageError, match="its PNG chunks are too short and too many; save it again") as caught:
        read_image(many)
    assert caught.value.reason == "does not decode"


_LONG = zlib.compress(b"a" * 500_000)
_PACKED = {b"zTXt": b"key\0\0" + _LONG, b"iTXt": b"key\0\1\0\0\0" + _LONG, b"iCCP": b"name\0\0" + _LONG}


@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
@pytest.mark.parametrize("kind", _PACKED)
def test_the_many_texts_and_profiles_of_a_png_are_not_unpacked(tmp_path, monkeypatch, before, kind):
    unpacked, original = [], zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", lambda: unpacked.append(kind) or original())
    np.testing.assert_array_equal(
        read_image(_with_chunks(tmp_path / "few.png", before, 8, kind, _PACKED[kind])), GRADIENT
    )
    assert len(unpacked) == 8, "few are Pillow's own business"
    np.testing.assert_array_equal(
        read_image(_with_chunks(tmp_path / "a.png", before, 9, kind, _PACKED[kind])), GRADIENT
    )
    assert len(unpacked) == 8


@pytest.mark.parametrize("kind", ["profile", "xmp"])
def test_a_text_with_the_orientation_is_used_among_many_texts(tmp_path, kind):
    exif = Image.Exif()
    exif[0x0112] = 3
    profile = b"\nexif\n      99\n" + exif.tobytes().hex().encode()
    last = {
        "profile": _chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile)),
        "xmp": _chunk(b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0<a tiff:Orientation="3"/>'),
    }
    path = _with_chunks(tmp_path / "a.png", b"IDAT", 20, b"zTXt", _PACKED[b"zTXt"], last[kind])
    np.testing.assert_array_equal(read_image(path), GRADIENT[::-1, ::-1])


def test_a_png_that_ends_within_its_many_texts_is_read_if_its_pixels_are_whole(tmp_path):
    path = _with_chunks(tmp_path / "a.png", b"IEND", 20, b"zTXt", _PACKED[b"zTXt"])
    path.write_bytes(path.read_bytes()[:-100])
    np.testing.assert_array_equal(read_image(path), GRADIENT)
    path = _with_chunks(tmp_path / "b.png", b"IDAT", 20, b"zTXt", _PACKED[b"zTXt"])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ImageError, match="does not decode"):
        read_image(path)


def test_a_large_png_of_many_chunks_of_pixels_is_read(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4000, 3000), np.uint8)
    packed = zlib.compress(np.pad(pixels, ((0, 0), (1, 0))).tobytes(), 0)  # a 0 before each row: it is not filtered
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 3000, 4000, 8, 0, 0, 0, 0))
    parts = [_chunk(b"IDAT", packed[at : at + 1100]) for at in range(0, len(packed), 1100)]
    assert len(parts) > 10_000
    (tmp_path / "a.png").write_bytes(b"".join([b"\x89PNG\r\n\x1a\n", header, *parts, _chunk(b"IEND", b"")]))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), pixels)


def test_the_chunks_after_a_pngs_pixels_are_searched_once(tmp_path, monkeypatch):
    calls = []
    original = orientation._late_exif
    monkeypatch.setattr(orientation, "_late_exif", lambda image: calls.append(image) or original(image))
    read_image(_with_chunks(tmp_path / "a.png", b"IEND", 3))
    assert len(calls) == 1
