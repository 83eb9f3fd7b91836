"""The parts of a run's page: pseudonyms, pictures within a budget, heat maps, and charts."""

import base64
import io
import itertools
import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from birads_zoo.errors import UserError
from birads_zoo.report.drawing.shades import eight_bits
from birads_zoo.report.drawing.svg import Plot, Series, corners
from birads_zoo.report.drawing.thumbnails import thumbnails
from birads_zoo.report.run.heat_data import read_heat
from birads_zoo.report.run.pseudonyms import pseudonyms


def test_pseudonyms_are_unique_reproducible_and_in_random_order():
    patients = [f"BC{number:05d}" for number in range(300)]
    names = pseudonyms(patients, 0)
    assert sorted(name for name in names.values() if name) == [f"P{number:03d}" for number in range(1, 301)]
    assert names == pseudonyms(reversed(patients), 0)
    assert names != pseudonyms(patients, 1)
    assert names[""] == ""
    order = [names[patient] for patient in patients]
    ranks = np.argsort(order)
    assert abs(np.corrcoef(ranks, np.arange(300))[0, 1]) < 0.2


def test_five_hundred_noisy_pictures_keep_to_the_budget():
    noise = np.random.default_rng(0).integers(0, 256, (8, 512, 384), dtype=np.uint8)  # nothing compresses worse
    texts = thumbnails(lambda i: noise[i % 8], 500, 9_000_000)
    assert len(texts) == 500
    total = sum(map(len, texts))
    assert 3_000_000 < total < 9_900_000, total


@pytest.mark.parametrize(("shape", "size"), [((512, 128), (64, 256)), ((40, 30), (30, 40))])
def test_pictures_shrink_in_proportion_and_never_grow(shape, size):
    budget = 2_000 if shape[0] > 100 else 10**9
    smooth = np.add.outer(np.arange(shape[0]), np.arange(shape[1])).astype(np.float64)
    (text,) = thumbnails(lambda _: smooth / smooth.max(), 1, budget)
    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        assert (picture.format, picture.mode) == ("JPEG", "L")
        assert picture.width / picture.height == pytest.approx(size[0] / size[1], rel=0.03)
        assert picture.height <= shape[0]


def test_grey_keeps_8_bits_takes_floats_as_shares_and_16_bits_in_the_range_they_use():
    ramp = np.linspace(0, 1, 256).reshape(16, 16)
    eight = (255 * ramp).round().astype(np.uint8)
    assert (eight_bits(eight) == eight).all()
    assert (eight_bits(ramp) == eight).all()
    assert (eight_bits(ramp.astype(np.float16)) == eight).mean() > 0.9
    deep = eight_bits((4000 * ramp).astype(np.uint16))
    assert deep.min() == 0
    assert deep.max() == 255


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_corners_draw_the_same_line(points):
    line = [(float(x), float(y)) for x, y in np.cumsum(points, axis=0)]
    kept = corners(line)
    assert kept[0] == line[0]
    assert kept[-1] == line[-1]

    def length(path):
        return sum(float(np.hypot(b[0] - a[0], b[1] - a[1])) for a, b in itertools.pairwise(path))

    assert length(kept) == pytest.approx(length(line))


def test_a_curve_of_many_rows_is_drawn_with_few_points():
    steps = np.linspace(0, 1, 100_000)
    plot = Plot(title="", x="", y="", ends=(0, 1, 0, 1), series=[], x_ticks=[], y_ticks=[])
    path = plot.path(list(zip(steps, np.sqrt(steps), strict=True)))
    assert len(path) < 60_000
    assert path.startswith(plot.path([(0.0, 0.0)]))
    assert path.endswith(plot.path([(1.0, 1.0)]).removeprefix("M"))


def test_a_plot_positions_its_points_and_texts():
    line = Series(name="a", points=[(0.0, 0.0), (1.0, 1.0)], tips=["start", "end"])
    plot = Plot(title="t", x="x", y="y", ends=(0, 1, 0, 1), series=[line], x_ticks=[], y_ticks=[])
    left, top, right, bottom = plot.box
    assert plot.tips() == [(left, bottom, "start"), (right, top, "end")]
    assert plot.path(line.points) == f"M{left} {bottom}L{right} {top}"
    many = Series(name="b", points=[(k / 999, 0.5) for k in range(1000)], tips=[str(k) for k in range(1000)])
    tips = Plot(title="t", x="x", y="y", ends=(0, 1, 0, 1), series=[many], x_ticks=[], y_ticks=[]).tips()
    assert len(tips) <= 82
    assert tips[-1][2] == "999"


@pytest.fixture
def run(finished, tmp_path):
    """A folder with the predictions of the finished run."""
    shutil.copy(finished[0] / "predictions.csv", tmp_path)
    metrics = json.loads((finished[0] / "metrics.json").read_text("utf-8"))
    return tmp_path, metrics["classes"]


def test_heat_maps_come_with_their_class_their_verdict_and_their_baselines(run, data, explained, rows_of):
    folder, classes = run
    assert read_heat(folder, classes, data)["explainers"] == []
    explained(folder, {"grad-cam": True, "eigen-cam": None})
    heat = read_heat(folder, classes, data)
    assert [(row["name"], row["faithful"]) for row in heat["explainers"]] == [("grad-cam", True), ("eigen-cam", None)]
    assert heat["measures"] == ["insertion", "points into a lesion"]
    insertion, pointing = heat["explainers"][0]["cells"]
    assert (insertion["text"], insertion["ends"], insertion["note"]) == ("0.600", "[0.55, 0.65]", "random 0.400")
    assert pointing["text"] == "–"
    for row in rows_of(folder / "predictions.csv"):
        maps = heat["maps"][int(row["row"])]
        assert [classes[number] for _, number in maps] == [row["label"]] * 2
    with Image.open(io.BytesIO(base64.b64decode(maps[0][0]))) as picture:
        pixels = np.asarray(picture)
    assert np.unravel_index(pixels.argmax(), pixels.shape) == pytest.approx((16, 32 / 3), abs=1.5)


@pytest.mark.parametrize(("patients", "marked"), [(4, True), (5, False)])
def test_scores_at_the_lesions_of_few_patients_are_marked_as_in_the_terminal(run, data, explained, patients, marked):
    folder, classes = run
    explained(folder, {"grad-cam": True}, lesion_patients=patients)
    heat = read_heat(folder, classes, data)
    insertion, pointing = heat["explainers"][0]["cells"]
    assert (insertion["ends"], pointing["ends"]) == ("[0.55, 0.65]", "[0.25, 0.35] †" if marked else "[0.25, 0.35]")
    note = "† of fewer than 5 patients (4): the intervals are too narrow"
    assert heat["few"] == [note] * marked
    assert heat["explainers"][0]["summary"].endswith(f"[0.25, 0.35] † · {note}" if marked else "[0.25, 0.35]")


def _replace(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "grad-cam.npz").unlink(), "is damaged"),
        (lambda folder: (folder / "grad-cam.npz").write_bytes(b"no archive"), "is damaged"),
        (lambda folder: (folder / "explanations.json").write_text("{"), "is damaged"),
        (
            lambda folder: _replace(folder / "explanations.json", "the verdict on", "no verdict on"),
            "was changed after it was written",
        ),
        (lambda folder: (folder / "explanations.json").write_text("{}"), "was written by an older birads-zoo"),
    ],
)
def test_damaged_heat_maps_are_one_sentence(run, data, explained, spoil, message):
    folder, classes = run
    explained(folder, {"grad-cam": True})
    spoil(folder / "explanations")
    with pytest.raises(UserError, match=message) as raised:
        read_heat(folder, classes, data)
    assert "birads-zoo explain" in str(raised.value)
