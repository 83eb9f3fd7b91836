import numpy as np
import pandas as pd
import pytest

from birads_zoo.data.index.view_names import view_names
from birads_zoo.data.index.views import (
    Samples,
    grouped_samples,
    own_samples,
    require_partners,
    side_by_side,
    why_unused,
)
from birads_zoo.data.prepare import prepare
from birads_zoo.errors import UserError
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe


def exam(*pictures, patient="p1", exam_id="e1"):
    """Make the rows of an exam: `exam("L CC", "R CC")`; "?" is an unknown side or view."""
    return pd.DataFrame(
        [
            {
                "image_path": f"{patient}-{exam_id}-{number}.png",
                "patient_id": patient,
                "exam_id": exam_id,
                "laterality": text.split()[0].replace("?", ""),
                "view": text.split()[1].replace("?", ""),
            }
            for number, text in enumerate(pictures)
        ]
    )


def together(*exams):
    return pd.concat(exams, ignore_index=True)


def numbers(samples):
    """Return each sample's pictures, `None` for an absent one. It must have the number of the first present one."""
    for pictures, present in zip(samples.pictures, samples.present, strict=True):
        assert (pictures[~present] == pictures[present.argmax()]).all()
    return [
        [int(at) if there else None for at, there in zip(pictures, present, strict=True)]
        for pictures, present in zip(samples.pictures, samples.present, strict=True)
    ]


def partners(rows, views):
    samples = numbers(own_samples(rows, views))
    assert [pictures[0] for pictures in samples] == list(range(len(rows))), "a sample's own picture comes first"
    return [pictures[1] for pictures in samples]


FOUR = exam("L CC", "L MLO", "R CC", "R MLO")


def test_one_view_is_the_picture_alone():
    assert numbers(own_samples(FOUR, "single")) == [[0], [1], [2], [3]]


def test_bilateral_pairs_the_breasts_in_the_same_view():
    assert partners(FOUR, "bilateral") == [2, 3, 0, 1]


def test_breast_pairs_the_views_of_the_same_breast():
    assert partners(FOUR, "breast") == [1, 0, 3, 2]


def test_an_exam_is_the_picture_its_other_view_and_both_of_the_other_breast_in_the_same_order():
    assert numbers(own_samples(FOUR, "exam")) == [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]]
    some = exam("R MLO", "L MLO", "R CC")
    assert numbers(own_samples(some, "exam")) == [[0, 2, 1, None], [1, None, 0, 2], [2, 0, None, 1]]


def test_partners_share_patient_and_exam():
    rows = together(exam("L CC", "R CC"), exam("R CC", patient="p2"), exam("R CC", exam_id="e2"))
    assert partners(rows, "bilateral") == [1, 0, None, None]


def test_of_several_partners_the_first_is_used():
    assert partners(exam("L CC", "L CC", "R CC", "R CC", "R MLO"), "bilateral") == [2, 2, 0, 0, None]


def test_rows_without_a_patient_have_no_partner():
    rows = together(exam("L CC", "R CC"), exam("L CC", "R CC", patient=""))
    assert partners(rows, "bilateral") == [1, 0, None, None]


@pytest.mark.parametrize("views", ["breast", "bilateral", "exam"])
def test_where_no_picture_has_a_partner_the_error_says_what_is_missing(views):
    with pytest.raises(UserError, match=rf"'{views}' needs .* and no picture has one: the rows need patient_id"):
        require_partners(own_samples(exam("L CC", "? CC", "R ?"), views), views)
    with pytest.raises(UserError, match="'exam' needs another picture of the same exam"):
        require_partners(grouped_samples(exam("L CC", "? CC", "R ?"), "exam", "patient")[0], "exam")
    require_partners(own_samples(exam("L CC"), "single"), "single")


def test_a_picture_of_unknown_side_or_view_is_no_partner():
    assert partners(exam("L CC", "R CC", "? MLO", "? CC"), "bilateral") == [1, 0, None, None]
    assert partners(exam("L CC", "L MLO", "L ?"), "breast") == [1, 0, None]


def test_a_breast_is_one_sample_of_cc_and_mlo_and_a_patients_exam_one_of_four_views():
    rows = together(exam("R MLO", "L CC", "R CC"), exam("L MLO", "L CC", exam_id="e2"))
    breasts, of = grouped_samples(rows, "breast", "breast")
    assert numbers(breasts) == [[2, 0], [1, None], [4, 3]]
    assert of.tolist() == [0, 1, 0, 2, 2]
    assert breasts.names == ("CC", "MLO")
    exams, of = grouped_samples(rows, "exam", "patient")
    assert numbers(exams) == [[1, None, 2, 0], [4, 3, None, None]]
    assert of.tolist() == [0, 0, 0, 1, 1]
    assert exams.names == ("L_CC", "L_MLO", "R_CC", "R_MLO")


def test_rows_in_no_sample_have_a_reason():
    rows = together(exam("L CC", "L CC", "R MLO", "? CC", "R LM"), exam("L CC", patient=""), exam("L ML", exam_id="e2"))
    for views, level, odd in (("exam", "patient", [1, 3, 4, 6]), ("breast", "breast", [1, 3, 4, 6])):
        samples, of = grouped_samples(together(rows, exam("L CC", "L MLO", patient="p9")), views, level)
        reasons = {row: (reason, detail) for row, reason, detail in why_unused(rows, samples, of)}
        assert sorted(reasons) == sorted([*odd, 5])
        assert reasons[1] == ("further picture of a view", "p1-e1-0.png is taken for L CC")
        assert reasons[3] == ("side or view not used", "laterality '' and view 'CC'; used are L and R, CC and MLO")
        assert reasons[5][0] == "unknown patient"
        assert {reasons[row][0] for row in (4, 6)} == {"side or view not used"}


@pytest.mark.parametrize(("views", "level"), [("single", "patient"), ("breast", "patient"), ("exam", "breast")])
def test_a_level_needs_the_views_that_show_all_of_it(views, level):
    needed, unit = {"patient": ("exam", "exam"), "breast": ("breast", "breast")}[level]
    with pytest.raises(UserError) as refused:
        view_names(views, level)
    assert str(refused.value) == (
        f"labels of the {level} (dataset.level) mean one prediction for each {unit}, from all of its pictures, and "
        f"dataset.views = '{views}' makes other samples: set dataset.level to 'image', or dataset.views to '{needed}'"
    )


def test_samples_are_chosen_like_rows_and_cut_to_their_first_views():
    samples = own_samples(FOUR, "exam")
    some = samples[[2, 0]]
    assert len(some) == 2
    assert numbers(some) == [[2, 3, 0, 1], [0, 1, 2, 3]]
    assert numbers(some.first(1)) == numbers(Samples.alone(np.array([2, 0])))
    assert some.first(2).names == ("own", "other_view")


def test_side_by_side_keeps_pictures_in_order():
    stack = np.arange(2 * 3 * 2 * 5).reshape(2, 3, 2, 5)
    wide = side_by_side(stack)
    assert wide.shape == (2, 2, 15)
    for view in range(3):
        np.testing.assert_array_equal(wide[:, :, 5 * view : 5 * (view + 1)], stack[:, view])


def test_a_partner_needs_no_class_of_its_own(phantom_root, tmp_path):
    """Otherwise few partners would be found: the other breast of a woman with BI-RADS 5 is seldom a 5."""
    host = load_host()
    chosen = {"name": "phantom", "classes": ["BI-RADS 1", "BI-RADS 5"], "views": "bilateral", "root": str(phantom_root)}
    recipe = Recipe().replace(
        {f"dataset.{key}": value for key, value in chosen.items()}
        | {"image.height": 32, "image.width": 32, "split.folds": 2}
    )
    data = prepare(recipe, host, tmp_path, Screen())
    assert (~data.samples.present[:, 1]).mean() < 0.2, "some are broken, but no more"
    assert set(data.samples.pictures[:, 1]) - set(data.positions), "some partners are of other classes"
