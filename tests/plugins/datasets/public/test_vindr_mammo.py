import pytest

from birads_zoo.data.index.samples import label_samples
from birads_zoo.errors import UserError
from birads_zoo.interfaces import Lesion

BREASTS = """study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,split
s1,x1,i1,R,CC,48,32,BI-RADS 2,DENSITY C,training
s1,x1,i2,R,MLO,48,32,BI-RADS 2,DENSITY C,training
s1,x1,i3,L,CC,48,32,BI-RADS 5,DENSITY C,training
s2,x2,i4,L,CC,48,32,BI-RADS 1,DENSITY A,test
"""
FINDINGS = """image_id,study_id,finding_categories,finding_birads,xmin,ymin,xmax,ymax
i1,s1,['No Finding'],,,,,
i3,s1,"['Mass', 'Skin Retraction']",BI-RADS 5,2.5,4.0,12.5,20.25
i3,s1,['Suspicious Calcification'],BI-RADS 4,-3.0,30,8,60
i3,s1,['Asymmetry'],BI-RADS 3,28,-1,40,9
"""
BOXES = (
    Lesion(x0=2.5, y0=4.0, x1=12.5, y1=20.25, outline="box"),
    Lesion(x0=0, y0=30, x1=8, y1=48, outline="box"),  # cut at the edges
    Lesion(x0=28, y0=0, x1=32, y1=9, outline="box"),
)


@pytest.fixture
def root(tmp_path, write):
    write(tmp_path / "breast-level_annotations.csv", BREASTS)
    write(tmp_path / "finding_annotations.csv", FINDINGS)
    write(tmp_path / "metadata.csv", "SOP Instance UID,Patient's Age\ni1,053Y\ni4,\n")
    for name in ("s1/i1", "s1/i2", "s1/i3", "s2/i4"):
        write(tmp_path / f"images/{name}.dicom", "DICM")
    return tmp_path


def test_one_row_per_picture(root, load):
    index = load("vindr-mammo", root)
    rows = index.rows
    assert index.audit == ()
    assert list(rows["row"]) == [2, 3, 4, 5]
    assert rows["image_path"][0] == "images/s1/i1.dicom"
    assert list(rows["patient_id"]) == list(rows["exam_id"]) == ["s1", "s1", "s1", "s2"]
    assert list(rows["laterality"] + rows["view"]) == ["RCC", "RMLO", "LCC", "LCC"]
    assert list(rows["assessment"]) == ["2", "2", "5", "1"]
    assert list(rows["density"]) == ["C", "C", "C", "A"]
    assert list(rows["split"]) == ["train", "train", "train", "test"]
    assert rows["age"].fillna(0).tolist() == [53, 0, 0, 0]


def test_findings_are_boxes_in_the_picture(root, load):
    rows = load("vindr-mammo", root).rows
    assert list(rows["lesions"]) == [(), (), BOXES, ()]
    assert list(rows["findings"]) == ["", "", "Mass, Skin Retraction, Suspicious Calcification, Asymmetry", ""]
    assert list(rows["finding_assessment"]) == ["", "", "5", ""]


def test_labels_are_of_breasts(root, load, target):
    index = load("vindr-mammo", root)
    samples = label_samples(index, index, target("vindr-mammo", "suspicious"), (), "breast")
    assert samples.labelled.labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize(("size", "lesions"), [((32, 48), BOXES), ((16, 24), ())])
def test_boxes_are_kept_for_pictures_of_the_published_size(root, load, write_sized, size, lesions):
    (root / "images/s1/i3.dicom").unlink()
    write_sized(root / "png/i3.png", size)
    index = load("vindr-mammo", root)
    assert index.rows["image_path"][2] == "png/i3.png"
    assert index.rows["lesions"][2] == lesions
    entries = [(entry.row, entry.reason, entry.detail) for entry in index.audit]
    detail = "the picture is not 32×48 pixels as published: 3 marks left out"
    assert entries == ([] if lesions else [(4, "picture of another size", detail)])


def test_without_the_findings_no_lesion_is_known(root, load):
    (root / "finding_annotations.csv").unlink()
    index = load("vindr-mammo", root)
    assert not any(index.rows["lesions"])
    assert [entry.reason for entry in index.audit] == ["no table of findings"]


def test_a_category_that_cannot_be_read_is_reported(root, write, load):
    write(root / "breast-level_annotations.csv", BREASTS.replace("BI-RADS 1", "unclear"))
    index = load("vindr-mammo", root)
    assert [(entry.row, entry.reason, entry.detail) for entry in index.audit] == [
        (5, "unreadable assessment", "'unclear'; left empty")
    ]


def test_errors(tmp_path, write, load):
    with pytest.raises(UserError) as error:
        load("vindr-mammo", tmp_path)
    assert str(error.value) == (
        f"no breast-level_annotations.csv below {tmp_path}: vindr-mammo needs it beside images/; download the "
        "release again"
    )
    write(tmp_path / "breast-level_annotations.csv", "study_id,image_id\n")
    with pytest.raises(
        UserError, match=r"has no column 'laterality', which vindr-mammo needs; it has: 'study_id', 'image_id'"
    ):
        load("vindr-mammo", tmp_path)
    write(tmp_path / "breast-level_annotations.csv", BREASTS.splitlines()[0] + "\n")
    with pytest.raises(UserError, match="has no row below its header"):
        load("vindr-mammo", tmp_path)


def test_it_is_recognised_by_its_table(root, write, recognise):
    assert recognise("vindr-mammo", root) == "breast-level_annotations.csv with its columns"
    assert recognise("vindr-mammo", root / "images") == ""
    write(root / "breast-level_annotations.csv", "image,label\n")
    assert recognise("vindr-mammo", root) == ""
