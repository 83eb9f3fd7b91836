"""Facts of files that are read without their pixels."""

import math

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFile

from birads_zoo.data.index.facts import FACTS, file_facts
from birads_zoo.data.picture import ImageError
from birads_zoo.dicom import is_dicom, read_facts, read_size
from birads_zoo.interfaces import INDEX_COLUMNS, Index


@pytest.fixture
def index_of(tmp_path):
    def make(paths, dates=None):
        rows = pd.DataFrame({name: [""] * len(paths) for name in INDEX_COLUMNS})
        rows["image_path"] = paths
        rows["study_date"] = dates or [""] * len(paths)
        return Index(root=tmp_path, rows=rows)

    return make


def test_facts_of_each_kind_of_file(tmp_path, index_of):
    (tmp_path / "a" / "b").mkdir(parents=True)
    grey = Image.fromarray(np.arange(576, dtype=np.uint16).reshape(18, 32).astype(np.uint8))
    exif = Image.Exif()
    exif[0x010F] = "maker"
    grey.save(tmp_path / "a" / "b" / "one.jpg", quality=95, exif=exif)
    grey.save(tmp_path / "coarse.jpg", quality=20)
    grey.convert("RGB").save(tmp_path / "two.png")
    (tmp_path / "page.jpg").write_text("<html>")
    index = index_of(
        ["a/b/one.jpg", "coarse.jpg", "two.png", "page.jpg", "gone/x.jpg", ""], ["2019-03", "2020", "", "", "2018", "x"]
    )
    facts = file_facts(index)
    assert list(facts) == list(FACTS)
    assert list(facts["width"][:3]) == [32, 32, 32]
    assert list(facts["height"][:3]) == [18, 18, 18]
    assert list(facts["mode"]) == ["L", "L", "RGB", "", "", ""]
    assert list(facts["format"]) == ["JPEG", "JPEG", "PNG", "", "", ""]
    assert list(facts["exif"]) == [True, False, False, False, False, False]
    assert list(facts["folder"]) == ["a/b", ".", ".", ".", "gone", ""]
    assert facts["bytes"][0] == (tmp_path / "a" / "b" / "one.jpg").stat().st_size
    assert facts["quality"][0] == pytest.approx(95, abs=1)
    assert facts["quality"][1] == pytest.approx(20, abs=1)
    assert math.isnan(facts["quality"][2])
    assert facts[["width", "height", "bytes", "quality"]][3:].isna().all(axis=None), "no facts of what does not read"
    np.testing.assert_array_equal(facts["year"], [2019, 2020, np.nan, np.nan, 2018, np.nan])


def test_facts_of_dicom_files(tmp_path, index_of, write_dicom):
    pixels = np.zeros((18, 32), np.uint16)
    write_dicom(tmp_path / "a.dcm", pixels, BitsStored=12, Manufacturer="Maker", ManufacturerModelName="One")
    write_dicom(tmp_path / "b.dcm", pixels, Modality="CT")
    facts = file_facts(index_of(["a.dcm", "b.dcm"]))
    assert (facts["width"][0], facts["height"][0]) == (32, 18)
    assert facts["bytes"][0] == (tmp_path / "a.dcm").stat().st_size
    assert (facts["mode"][0], facts["format"][0]) == ("MONOCHROME2, 12 bits", "DICOM, Explicit VR Little Endian")
    assert (facts["device"][0], facts["exif"][0]) == ("MAKER ONE", False)
    assert math.isnan(facts["width"][1]), "no facts of what is no mammogram"


def test_facts_decode_no_pixels(tmp_path, index_of, write_dicom, monkeypatch):
    Image.fromarray(np.zeros((64, 48), np.uint8)).save(tmp_path / "one.jpg")
    write_dicom(tmp_path / "two.dcm", np.zeros((18, 32), np.uint16))

    def decode(*_, **__):
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    monkeypatch.setattr("pydicom.pixels.decoders.base.get_decoder", decode)
    assert file_facts(index_of(["one.jpg", "two.dcm"]))["width"].tolist() == [48, 32]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("read", [is_dicom, read_size, read_facts])
def test_a_pipe_is_refused_without_waiting(tmp_path, as_pipe, read):
    with pytest.raises(ImageError):
        read(as_pipe(tmp_path / "a.dcm"))
