"""Sections `dataset`, `split` and `image`, from the recipe to rows, folds and pixels."""

import numpy as np
import pytest
from PIL import Image

from birads_zoo.data.index.load import load_index
from birads_zoo.errors import UserError


@pytest.fixture
def loaded(host, recipe):
    """Load the rows of the recipe with changes."""
    return lambda changes: load_index(recipe(changes).dataset, host)


@pytest.mark.follows("dataset.name", "dataset.root")
def test_the_named_data_set_reads_the_given_folder(loaded, phantom_root):
    assert loaded({}).root == phantom_root
    folders = phantom_root / "mammograms"
    other = loaded({"dataset.name": "image-folder", "dataset.root": str(folders)})
    assert other.root == folders
    assert set(other.rows["label"]) == {path.name for path in folders.iterdir() if path.is_dir()}
    with pytest.raises(UserError, match="nowhere"):
        loaded({"dataset.root": "/nowhere"})


@pytest.mark.follows("dataset.options")
def test_options_reach_the_data_set(loaded, tmp_path):
    (tmp_path / "table.csv").write_text("image_path,Case,label\na.png,7,x\nb.png,8,y\n")
    csv = {"dataset.name": "csv", "dataset.root": str(tmp_path)}
    assert loaded(csv).rows["patient_id"].tolist() == ["", ""]
    named = loaded(csv | {"dataset.options.columns": {"patient_id": "Case"}})
    assert named.rows["patient_id"].tolist() == ["7", "8"]


@pytest.mark.follows("dataset.target", "dataset.classes")
def test_the_target_and_its_classes_are_those_asked_for(prepared):
    assert prepared().labelled.target.name == "birads"
    three = {"dataset.target": "density", "dataset.classes": ["A", "B", "C"], "split.validation": 0.0}
    density = prepared(three).labelled
    assert density.target.name == "density"
    assert density.classes == ("A", "B", "C")
    two = ("BI-RADS 3", "BI-RADS 5")
    kept = prepared({"dataset.classes": two}).labelled
    assert kept.classes == two
    assert set(kept.index.rows["assessment"]) == {"3", "5"}


@pytest.mark.follows("dataset.views")
@pytest.mark.parametrize(("views", "same"), [("breast", "laterality"), ("bilateral", "view")])
def test_a_sample_has_the_views_asked_for(prepared, views, same):
    assert prepared().samples.pictures.shape[1] == 1
    data = prepared({"dataset.views": views})
    assert data.samples.pictures.shape == (len(data.labelled.labels), 2)
    rows, whole = data.pictures.rows, data.samples.present.all(axis=1)
    assert whole.sum() > len(whole) / 2
    for own, other in data.samples.pictures[whole]:
        assert rows["patient_id"][own] == rows["patient_id"][other]
        assert [name for name in ("laterality", "view") if rows[name][own] == rows[name][other]] == [same]


@pytest.mark.follows("dataset.level")
@pytest.mark.parametrize(
    ("level", "views", "unit"), [("breast", "breast", "laterality"), ("patient", "exam", "exam_id")]
)
def test_a_label_is_of_what_was_asked_for(prepared, level, views, unit):
    assert prepared({"dataset.views": views}).labelled.target.level == "image"
    several = {"dataset.classes": ["BI-RADS 3", "BI-RADS 4", "BI-RADS 5"]}  # a single woman has two breasts with a 1
    data = prepared({"dataset.views": views, "dataset.level": level, "split.validation": 0.0, **several})
    rows = data.labelled.index.rows
    assert data.labelled.target.level == level
    assert len(rows) == len(data.labelled.labels) < len(data.pictures.rows) / 1.5
    assert not rows[["patient_id", unit]].duplicated().any()


@pytest.mark.follows("split.scheme")
@pytest.mark.parametrize(
    ("scheme", "unit"), [("patient", ["patient_id"]), ("breast", ["patient_id", "laterality"]), ("image", ["row"])]
)
@pytest.mark.filterwarnings("ignore:a split by")
def test_what_the_split_holds_together_is_never_on_both_sides(prepared, scheme, unit):
    data = prepared({"split.scheme": scheme})
    units = data.labelled.index.rows[unit].astype(str).agg("/".join, axis=1).to_numpy()
    patients = data.labelled.index.rows["patient_id"].to_numpy()
    divided = 0
    for fold in data.folds:
        learnt = np.concatenate([fold.train, fold.validation])
        assert not set(units[learnt]) & set(units[fold.test])
        divided += len(set(patients[learnt]) & set(patients[fold.test]))
    assert (divided > 0) == (scheme != "patient")


@pytest.mark.follows("split.folds", "split.validation")
def test_folds_and_validation_rows_are_as_many_as_asked_for(prepared):
    data = prepared({"split.folds": 3, "split.validation": 0.0})
    assert len(data.folds) == 3
    assert [len(fold.validation) for fold in data.folds] == [0, 0, 0]
    shares = [
        len(fold.validation) / (len(fold.train) + len(fold.validation))
        for fold in prepared({"split.validation": 0.4}).folds
    ]
    assert shares == pytest.approx([0.4] * len(prepared().folds), abs=0.12)


@pytest.mark.follows("image.height", "image.width")
def test_pictures_are_stored_as_high_and_wide_as_asked_for(prepared):
    assert prepared().store.array.shape[1:] == (48, 32)
    assert prepared({"image.height": 40, "image.width": 56}).store.array.shape[1:] == (40, 56)


@pytest.mark.follows("image.crop", "image.fit", "image.orient")
def test_pictures_are_placed_as_asked_for(prepared):
    def placements(**changes):
        return prepared({f"image.{key}": value for key, value in changes.items()}).store.placements

    usual, uncropped = placements(), placements(crop=False)
    assert all(place.scale_y > other.scale_y for place, other in zip(usual, uncropped, strict=True)), (
        "the breast is enlarged"
    )
    assert {place.mirrored for place in usual} == {True, False}
    assert {place.mirrored for place in placements(orient=False)} == {False}
    assert [place.scale_x for place in usual] == pytest.approx([place.scale_y for place in usual], rel=0.05)
    ratios = [place.scale_x / place.scale_y for place in placements(fit="stretch")]
    assert max(max(ratio, 1 / ratio) for ratio in ratios) > 1.2


@pytest.mark.follows("image.bits")
def test_16_bit_pictures_have_the_bits_that_the_recipe_gives(prepared, tmp_path):
    lines = ["image_path,patient_id,label"]
    breast = np.where(np.arange(50) < 30, 4095 - 40 * np.arange(50), 0)
    for at in range(16):
        Image.fromarray(np.tile(np.roll(breast, at // 4), (64, 1)).astype(np.uint16)).save(tmp_path / f"{at}.png")
        lines.append(f"{at}.png,P{at},{'x' if at % 2 else 'y'}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    changes = {"dataset.name": "csv", "dataset.root": str(tmp_path)}
    assert prepared(changes).store.array.max() < 4096
    assert prepared({**changes, "image.bits": 12}).store.array.max() > 50_000
    with pytest.raises(UserError) as caught:
        prepared({**changes, "image.bits": 11})
    assert str(caught.value) == (
        "image.bits is too low for 16 of 16 pictures, such as 0.png (grey value 4095; 11 bits end at 2047): "
        "raise it, or leave it at 0"
    )


@pytest.mark.follows("image.neutral")
def test_neutral_pictures_are_stored_with_their_common_detail(prepared):
    assert prepared().store.detail is None
    assert prepared({"image.neutral": True}).store.detail is not None


@pytest.mark.follows("image.contrast")
def test_an_equalised_picture_is_stored_with_more_contrast(prepared):
    stored, equal = (prepared({"image.contrast": name}).store.array[:8] for name in ("stored", "clahe"))
    assert equal[equal > 0].std() > 1.3 * stored[stored > 0].std()
