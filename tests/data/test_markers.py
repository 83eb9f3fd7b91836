"""Headers of JPEG and PGM files that would keep a decoder busy."""

import io

import pytest
from PIL import Image

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.picture import ImageError


def _jpeg():
    file = io.BytesIO()
    Image.new("L", (64, 48), 9).save(file, "JPEG")
    return file.getvalue()


def test_a_jpeg_file_that_would_keep_the_decoder_busy_is_refused_by_its_markers(tmp_path):
    whole = _jpeg()
    scan = whole[whole.index(b"\xff\xda") : -2]
    for content, reason in (
        (whole[:-2] + scan * 100, "more than 100 scans"),
        (whole[:2] + b"\xff\xfe\0\2" * 10_001 + whole[2:], "more than 10,000 segments"),
        (whole[:2] + b"\xff" * 10_001 + whole[2:], "more than 10,000 segments"),
        (whole[:20] + bytes(10_001) + whole[20:], "more than 10,000 segments"),
    ):
        (tmp_path / "a.jpg").write_bytes(content)
        with pytest.raises(ImageError, match=reason):
            read_image(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(whole[:2] + b"\xff\xfe\0\2" * 9000 + whole[2:])
    assert read_image(tmp_path / "a.jpg").shape == (48, 64)


def test_a_pgm_file_may_have_comments_but_no_endless_header(tmp_path):
    pixels = bytes(range(256)) * 2
    (tmp_path / "a.pgm").write_bytes(b"P5 # by hand\n#" + b"c" * 4000 + b"\n32 # wide\n16\n255\n" + pixels)
    assert read_image(tmp_path / "a.pgm").shape == (16, 32)
    (tmp_path / "a.pgm").write_bytes(b"P5\n#" + b"c" * 4100 + b"\n32 16\n255\n" + pixels)
    with pytest.raises(ImageError, match="its PGM header is damaged or longer than 4 KB"):
        read_image(tmp_path / "a.pgm")
