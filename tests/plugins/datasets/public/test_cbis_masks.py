"""CBIS-DDSM's lesion masks: the file with the picture's size, under any name in the tables."""

import numpy as np
import pytest
from PIL import Image

from birads_zoo.data.lesions import with_box
from birads_zoo.interfaces import Lesion

UID = "1.3.6.1.4.1.9590.100.1.2."
HEADER = (
    "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,mass shape,mass margins,"
    "assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path\n"
)
FILM = "Mass-Training_P_00001_LEFT_CC"
FULL = f"{FILM}/{UID}1/{UID}2/000000.dcm"


def of(number, file):
    return f"{FILM}_{number}/{UID}3/{UID}4{number}/{file}"


PUBLISHED = (FULL, of(1, "000000.dcm"), of(1, "000001.dcm"), of(2, "000000.dcm"), of(2, "000001.dcm"))


@pytest.fixture
def tabled(tmp_path, write):
    """Write the table of a film with two abnormalities: `tabled(second_mask="000000.dcm")` → root."""

    def make(second_mask="000000.dcm"):
        lines = [HEADER]
        for number, mask in ((1, "000001.dcm"), (2, second_mask)):
            cut = {"000000.dcm": "000001.dcm", "000001.dcm": "000000.dcm"}[mask]
            fields = f"P_00001,3,LEFT,CC,{number},mass,OVAL,ILL_DEFINED,4,MALIGNANT,4"
            lines.append(f'{fields},{FULL},{of(number, cut)},"{of(number, mask)}\n"\n')
        write(tmp_path / "mass_case_description_train_set.csv", "".join(lines))
        return tmp_path

    return make


@pytest.fixture
def picture(write_dicom):
    """Write a picture, as DICOM or with Pillow, by its suffix: `picture(file, (height, width), box)`."""

    def make(file, size, box=(0, 0, 0, 0)):
        pixels = np.zeros(size, np.uint8)
        x0, y0, x1, y1 = box
        pixels[y0:y1, x0:x1] = 255
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".dcm":
            write_dicom(file, pixels)
        else:
            Image.fromarray(pixels).save(file)

    return make


@pytest.fixture
def fill(picture):
    """Write a film's picture, cut-out and mask of the first abnormality, and mask and cut-out of the second."""

    def make(root, names, suffix=".dcm"):
        full, *others = ((root / name).with_suffix(suffix) for name in names)
        picture(full, (120, 80), (0, 0, 60, 120))
        for file, mask in zip(others, (False, True, True, False), strict=True):
            picture(file, (120, 80) if mask else (40, 30), (10, 20, 30, 50) if mask else (0, 0, 30, 40))

    return make


def mask_entries(index):
    return [(entry.reason, entry.detail) for entry in index.audit if "mask" in entry.reason]


@pytest.mark.parametrize("suffix", [".dcm", ".png"])
def test_the_mask_is_the_file_of_the_pictures_size(tabled, fill, load, suffix):
    root = tabled()
    fill(root, PUBLISHED, suffix)
    index = load("cbis-ddsm", root)
    masks = [of(1, "000001.dcm"), of(2, "000000.dcm")]
    lesions = index.rows["lesions"][0]
    assert [lesion.mask_path for lesion in lesions] == [mask.replace(".dcm", suffix) for mask in masks]
    boxes = [with_box(lesion, root) for lesion in lesions]
    assert [(box.x0, box.y0, box.x1, box.y1) for box in boxes] == [(10, 20, 30, 50)] * 2
    assert mask_entries(index) == []


def test_a_mask_that_the_table_calls_a_cut_out_is_reported(tabled, fill, load):
    root = tabled(second_mask="000001.dcm")
    fill(root, PUBLISHED)
    index = load("cbis-ddsm", root)
    assert index.rows["lesions"][0][1].mask_path == of(2, "000000.dcm")
    assert mask_entries(index) == [
        ("mask named as cut-out", f"{of(2, '000000.dcm')} has the picture's size, so it is the mask")
    ]


def test_masks_of_a_download_with_renumbered_files_are_found(tabled, fill, load):
    root, study = tabled(), "07-20-2016-DDSM-NA/1.000000"
    full = f"CBIS-DDSM/{FILM}/{study}-full mammogram images-2/1-1.dcm"
    series = [f"CBIS-DDSM/{FILM}_{n}/{study}-ROI mask images-1/1-{k}.dcm" for n in (1, 2) for k in (1, 2)]
    fill(root, (full, *series))
    index = load("cbis-ddsm", root)
    assert [lesion.mask_path for lesion in index.rows["lesions"][0]] == [series[1], series[2]]
    assert mask_entries(index) == [], "they have no other name in the table"


def test_masks_that_do_not_fit_are_left_out_and_reported(tabled, fill, picture, load):
    root = tabled()
    fill(root, PUBLISHED)
    picture(root / of(1, "000001.dcm"), (121, 80), (10, 20, 30, 50))
    picture(root / of(2, "000001.dcm"), (120, 80), (10, 20, 30, 50))
    index = load("cbis-ddsm", root)
    assert index.rows["lesions"][0] == ()
    assert mask_entries(index) == [
        ("mask of another size", f"none of {of(1, '000001.dcm')}, {of(1, '000000.dcm')} is 80×120 pixels: left out"),
        ("ambiguous mask", f"may be {of(2, '000000.dcm')} or {of(2, '000001.dcm')}: left out"),
    ]


def test_without_masks_nothing_is_reported(tabled, picture, load):
    root = tabled()
    picture(root / FULL, (120, 80))
    index = load("cbis-ddsm", root)
    assert index.rows["lesions"][0] == ()
    assert mask_entries(index) == []


def test_a_lesion_has_no_box_before_its_mask_is_read(tabled, fill, load):
    root = tabled()
    fill(root, PUBLISHED)
    first = load("cbis-ddsm", root).rows["lesions"][0][0]
    assert first.mask_path == of(1, "000001.dcm")
    assert np.isnan([first.x0, first.y0, first.x1, first.y1]).all()
    assert with_box(first, root) == Lesion(x0=10, y0=20, x1=30, y1=50, outline="box", mask_path=first.mask_path)
