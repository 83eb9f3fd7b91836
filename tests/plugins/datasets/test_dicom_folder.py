import struct

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from birads_zoo.data.decoding.images import is_deep, read_image
from birads_zoo.data.index.views import own_samples
from birads_zoo.errors import UserError

BREAST = np.tile(np.arange(64, dtype=np.uint8), (48, 1))


def _everything_written(index):
    return index.rows.to_csv() + repr(index.audit)


def test_exposures_come_from_headers_and_labels_from_folders(tree, load):
    index = load("dicom-folder", tree)
    rows = index.rows
    assert list(rows["image_path"]) == ["calm/a1.dcm", "calm/a2", "calm/a10.dcm", "odd/b1.dcm", "odd/b2.dcm"]
    assert list(rows["row"]) == [1, 2, 3, 4, 5], "files are numbered from 1, also files that are no samples"
    assert list(rows["label"]) == ["calm", "calm", "calm", "odd", "odd"]
    assert list(rows["laterality"]) == ["L", "L", "R", "R", "R"]
    assert list(rows["view"]) == ["CC", "MLO", "CC", "CC", "CC"]
    assert list(rows["patient_id"]) == ["P0001", "P0001", "P0001", "P0002", ""]
    assert list(rows["exam_id"]) == ["P0001_1", "P0001_1", "P0001_2", "P0002_1", ""]
    assert list(rows["study_date"]) == ["2019", "2019", "2021", "", ""]
    assert list(rows["age"][:2]) == [51, 51]
    assert rows["age"][2:].isna().all()
    assert [(entry.image_path, entry.action, entry.reason) for entry in index.audit] == [
        ("odd/ct.dcm", "dropped", "not a mammogram"),
        ("odd/notes.txt", "dropped", "not a DICOM file"),
        ("odd/raw.dcm", "dropped", "raw image"),
        ("odd/b2.dcm", "repaired", "no patient id"),
    ]
    assert not rows["row"].duplicated().any()


def test_nothing_that_identifies_a_person_is_kept(tree, load):
    (tree / "labels.csv").write_text("patient id,side,birads\nQUUX-1,L,2\nQUUX-2,R,5\nQUUX-9,R,5\n")
    for options in ({}, {"table": "labels.csv"}):
        written = _everything_written(load("dicom-folder", tree, **options)).upper()
        for secret in ("QUUX", "ZELDA", "1970", "CLINIC", "1.2.1", "0425", "0101"):
            assert secret not in written, f"{secret} of a header is in the index or the audit"


def test_ids_of_pictures_are_cut_to_those_of_patients(tmp_path, load, write_dicom):
    ids = ["Mass-Test_P_00173_LEFT_CC", "Mass-Test_P_00173_RIGHT_MLO", "Calc_P_00174_LEFT_CC_1", "P_LEFT"]
    for at, name in enumerate(ids):
        write_dicom(tmp_path / f"{'ab'[at % 2]}/{at}.dcm", BREAST, PatientID=name)
    rows = load("dicom-folder", tmp_path).rows.sort_values("image_path", key=lambda paths: paths.str[-5])
    people = list(rows["patient_id"])
    assert people[0] == people[1]
    assert len(set(people)) == 3
    assert list(rows["exam_id"]) == ["", "", "", f"{people[3]}_1"], "a study of one picture is no visit"


def test_a_burnt_in_annotation_is_reported(tmp_path, load, write_dicom):
    for name, warned in (("a/x.dcm", "YES"), ("b/y.dcm", "NO")):
        write_dicom(tmp_path / name, BREAST, BurnedInAnnotation=warned)
    audit = load("dicom-folder", tmp_path).audit
    assert [entry.image_path for entry in audit if entry.reason == "burnt-in annotation"] == ["a/x.dcm"]


def test_a_mirrored_picture_is_reported(tmp_path, load, write_dicom):
    for name, directions in (("a/x.dcm", ["A", "R"]), ("b/y.dcm", ["P", "R"])):
        fields = {"ViewPosition": "CC", "ImageLaterality": "L", "PatientOrientation": directions}
        write_dicom(tmp_path / name, BREAST, **fields)
    audit = load("dicom-folder", tmp_path).audit
    assert [entry.image_path for entry in audit if entry.reason == "mirrored picture"] == ["b/y.dcm"]


def _code(value, **more):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = value, "SNM3"
    for name, element in more.items():
        setattr(item, name, element)
    return item


@pytest.fixture
def odd_views(tmp_path, write_dicom):
    """One visit: two standard views of the left breast, and other pictures, each marked in another way."""

    def write(name, **more):
        fields = {"PatientID": "QUUX-1", "ImageLaterality": "L", "StudyInstanceUID": "1.2.3"} | more
        return write_dicom(tmp_path / name, BREAST, **fields)

    write("calm/cc.dcm", ViewPosition="CC")
    write("calm/mlo.dcm", ViewPosition="MLO")
    magnified = _code("R-10242", ViewModifierCodeSequence=Sequence([_code("R-102D6")]))
    write("odd/magnified.dcm", ViewCodeSequence=Sequence([magnified]))
    write("odd/implant.dcm", ViewPosition="CC", BreastImplantPresent="YES")
    write("odd/displaced.dcm", ViewPosition="CC ID")
    write("odd/spot.dcm", ViewPosition="MLO", SeriesDescription="Spot left Zelda")
    write("odd/part.dcm", ViewPosition="CC", PartialView="YES")
    write("odd/described.dcm", ImageLaterality=None, SeriesDescription="R MLO Quux")
    write("odd/protocol.dcm", ViewPosition="CC", ImageLaterality=None, ProtocolName="Right breast")
    write("odd/raw.dcm", ViewPosition="CC", SOPClassUID="1.2.840.10008.5.1.4.1.1.1.2.1")
    return tmp_path


def test_pictures_that_are_not_standard_views_are_reported(odd_views, load):
    index = load("dicom-folder", odd_views)
    entries = [(entry.image_path, entry.action, entry.reason) for entry in index.audit]
    assert sorted(entries) == [
        ("odd/described.dcm", "repaired", "side and view from the description"),
        ("odd/displaced.dcm", "repaired", "implant displaced view"),
        ("odd/implant.dcm", "repaired", "implant view"),
        ("odd/magnified.dcm", "repaired", "magnified view"),
        ("odd/part.dcm", "repaired", "partial view"),
        ("odd/protocol.dcm", "repaired", "side from the description"),
        ("odd/raw.dcm", "dropped", "raw image"),
        ("odd/spot.dcm", "repaired", "spot compression view"),
    ]
    rows = index.rows.set_index("image_path")
    assert (rows.loc["odd/described.dcm", ["laterality", "view"]] == ["R", "MLO"]).all()
    assert (rows.loc["odd/protocol.dcm", ["laterality", "view"]] == ["R", "CC"]).all()
    assert (rows["laterality"] != "").all()
    assert "ZELDA" not in _everything_written(index).upper()


def test_special_views_are_not_paired_with_others(odd_views, load):
    rows = load("dicom-folder", odd_views).rows
    samples = own_samples(rows, "exam")
    partners = {
        rows["image_path"][first]: {rows["image_path"][at] for at in others[present]}
        for first, others, present in zip(
            samples.pictures[:, 0], samples.pictures[:, 1:], samples.present[:, 1:], strict=True
        )
    }
    special = {f"odd/{name}.dcm" for name in ("magnified", "implant", "displaced", "spot", "part")}
    assert partners["calm/cc.dcm"] == {"calm/mlo.dcm", "odd/protocol.dcm", "odd/described.dcm"}
    assert all(not views for name, views in partners.items() if name in special)
    assert not special & set().union(*partners.values())


def _without_prefix(path, keep_meta=False):
    """Reduce a file to its data set, as some archives do, with or without the file's meta elements."""
    content = path.read_bytes()
    (meta,) = struct.unpack("<L", content[140:144])  # FileMetaInformationGroupLength
    path.write_bytes(content[132 if keep_meta else 144 + meta :])


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian])
@pytest.mark.parametrize("keep_meta", [False, True])
def test_a_data_set_without_the_prefix_is_read_and_reported(tree, load, write_dicom, syntax, keep_meta):
    deep = BREAST.astype(np.uint16) * 64
    pixels = deep.byteswap() if syntax == uid.ExplicitVRBigEndian else deep
    fields = {"PatientID": "QUUX-2", "ImageLaterality": "L", "ViewPosition": "CC", "TransferSyntaxUID": syntax}
    path = write_dicom(tree / "odd/bare", pixels, BitsStored=12, **fields)
    whole = read_image(path)
    _without_prefix(path, keep_meta)
    index = load("dicom-folder", tree)
    rows = index.rows.set_index("image_path")
    assert (rows.loc["odd/bare", ["laterality", "view", "patient_id"]] == ["L", "CC", "P0002"]).all()
    entries = [(entry.action, entry.reason) for entry in index.audit if entry.image_path == "odd/bare"]
    assert entries == [("repaired", "no DICM prefix")]
    np.testing.assert_array_equal(read_image(path), whole)
    assert is_deep(path)


def test_errors_of_a_root_or_a_table(tmp_path, load, write_dicom):
    with pytest.raises(UserError, match=r"needs DICOM mammograms in .*; it has no files"):
        load("dicom-folder", tmp_path)
    (tmp_path / "a.txt").write_text("no")
    with pytest.raises(UserError, match=r"none of its 1 files can be used \(not a DICOM file\)"):
        load("dicom-folder", tmp_path)
    write_dicom(tmp_path / "only" / "a.dcm", BREAST)
    with pytest.raises(UserError, match=r"needs a table of labels \(--table\), or one folder .*; found only 'only'"):
        load("dicom-folder", tmp_path)
    (tmp_path / "t.csv").write_text("birads,age\n1,2\n")
    with pytest.raises(UserError, match=r"t\.csv has no column for patient_id"):
        load("dicom-folder", tmp_path, table="t.csv")
    (tmp_path / "t.csv").write_text("file,age\na,2\n")
    with pytest.raises(UserError, match=r"t\.csv has no column for any of assessment, label, density"):
        load("dicom-folder", tmp_path, table="t.csv")


@pytest.mark.parametrize("name", ["image-folder", "csv"])
def test_other_data_sets_take_dicom_files_too(tree, load, name):
    (tree / "table.csv").write_text("image,birads\ncalm/a1.jpg,1\nodd/b1.dcm,2\n")
    options = {"table": "table.csv"} if name == "csv" else {}
    paths = list(load(name, tree, **options).rows["image_path"])
    assert {"calm/a1.dcm", "odd/b1.dcm"} <= set(paths)


def test_the_machine_is_the_source(tree, load, write_dicom):
    breast = np.tile(np.arange(64, dtype=np.uint8), (48, 1))
    write_dicom(tree / "odd/b9.dcm", breast, PatientID="QUUX-9", Manufacturer="ACME", ManufacturerModelName="M 1")
    rows = load("dicom-folder", tree).rows.set_index("image_path")
    assert rows["source"]["odd/b9.dcm"] == "ACME M 1"
    assert rows["source"]["odd/b1.dcm"] == ""
