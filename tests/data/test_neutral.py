from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from birads_zoo.data.placement.neutral import COARSEST, POINT, common_detail, place_neutral, points_per_pixel
from birads_zoo.data.store.pixels import build_store
from birads_zoo.interfaces import Index
from birads_zoo.phantoms.drawing.anatomy import draw_build
from birads_zoo.phantoms.drawing.film import expose
from birads_zoo.phantoms.drawing.tissue import draw_breast
from birads_zoo.phantoms.findings import draw_finding
from birads_zoo.recipe import ImageSection

SECTION = ImageSection(height=128, width=96, neutral=True)


def draw(seed=0, height=416, width=320, view="CC"):
    """Return a phantom's picture, chest wall on the left, and the mask of its round mass."""
    generator = np.random.default_rng(seed)
    build = draw_build(generator, "B")
    mass = {"kind": "mass", "shape": "round", "margin": "circumscribed", "density": "high"}
    finding = replace(draw_finding(0.5, generator), **mass, morphology="", distribution="")
    picture = expose(draw_breast(build, view, height, width, generator), build, finding, view, generator)
    return np.asarray(picture.grey * 255, np.uint8), picture.mask


@pytest.fixture(scope="module")
def pixels():
    return draw()[0]


def stored(pixels, section=SECTION, detail=1.0):
    return place_neutral(pixels, section, detail)[0]


def shrunk(pixels, factor=2):
    height, width = pixels.shape
    return np.asarray(Image.fromarray(pixels).resize((width // factor, height // factor), Image.Resampling.BOX))


def off(first, second):
    """Return the mean difference of two pictures in grey levels, where either is not black."""
    seen = (first > 0) | (second > 0)
    return np.abs(first.astype(float) - second)[seen].mean()


def in_a_landscape(pixels):
    return np.pad(pixels, ((20, 20), (300, 400)))


def with_a_line_around(pixels):
    framed = np.pad(pixels, 4)
    framed[:3], framed[-3:], framed[:, :3], framed[:, -3:] = 255, 255, 255, 255
    return framed


def with_text(pixels):
    page = Image.fromarray(np.pad(pixels, ((0, 0), (0, 120))))
    draw = ImageDraw.Draw(page)
    for line, row in (("R MLO", 12), ("2016-03-04", 30), ("KV 28", 380)):
        draw.text((page.width - 90, row), line, fill=255)
    draw.rectangle((page.width - 70, 60, page.width - 20, 110), fill=230)
    return np.asarray(page)


@pytest.mark.parametrize("made", [in_a_landscape, with_a_line_around, with_text])
def test_the_files_frame_is_not_visible(pixels, made):
    bare, other = stored(pixels), stored(made(pixels))
    assert off(bare, other) < 6, "a breast's own greys differ by tens"
    assert (other[bare == 0] > 40).mean() < 0.03, "a frame or a label stays outside the breast"


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("wide", [2, 3, 5])
def test_a_white_frame_at_the_chest_wall_is_cut(pixels, right, wide):
    framed = np.pad(pixels, ((0, 0), (wide, 0)), constant_values=255)
    stored_pixels = stored(framed[:, ::-1] if right else framed)
    assert off(stored(pixels), stored_pixels) < 4
    assert stored_pixels[:, 0].max() < 230


@pytest.mark.parametrize("grey", [40, 80])
def test_grey_film_at_the_chest_wall_is_cut(pixels, grey):
    breast = np.minimum(pixels, 127) * 2  # brighter than the film
    film = np.pad(np.maximum(breast, grey), ((0, 0), (6, 0)), constant_values=grey)
    first = stored(film)[50:80, 0].mean()
    assert first == pytest.approx(breast[160:260, 1:5].mean(), abs=8), (
        "the first column is the breast's, not the film's"
    )


def test_a_dark_pixel_in_grey_film_does_not_move_the_wall(pixels):
    film = np.pad(np.maximum(pixels, 40), ((0, 0), (4, 0)), constant_values=40)
    dead = film.copy()
    dead[-1, -1] = 0
    np.testing.assert_array_equal(stored(dead), stored(film))


def test_a_bright_label_does_not_reduce_the_greys_of_a_16_bit_breast(pixels):
    deep = np.pad(pixels.astype(np.uint16) * np.uint16(8), ((0, 0), (0, 60)))
    labelled = deep.copy()
    labelled[10:40, -40:-10] = 65535
    assert len(np.unique(stored(labelled))) == pytest.approx(len(np.unique(stored(deep))), rel=0.05)


def test_film_becomes_black(pixels):
    foggy = stored(np.maximum(pixels, 25))
    corners = foggy[:12, -24:], foggy[-12:, -24:]
    assert max(corner.max() for corner in corners) < 10
    assert stored(np.maximum(pixels, 25)[:, ::-1])[:12, -24:].max() < 10


def test_a_manual_crop_is_not_visible(pixels):
    bright = pixels > 8
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    cropped = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert off(stored(pixels), stored(cropped)) < 6


def test_the_breasts_size_does_not_depend_on_the_files_size(pixels):
    section = ImageSection(height=96, width=72, neutral=True)
    large, small = stored(pixels, section), stored(shrunk(pixels), section)
    assert off(large, small) < 6
    touched = [np.flatnonzero((picture > 20).any(axis=0))[-1] for picture in (large, small)]
    assert abs(touched[0] - touched[1]) <= 1


def test_left_and_right_breasts_are_placed_alike(pixels):
    wide = ImageSection(height=128, width=128, neutral=True)
    left, at_left = place_neutral(pixels, wide, 1.0)
    right, at_right = place_neutral(pixels[:, ::-1], wide, 1.0)
    assert not at_left.mirrored
    assert at_right.mirrored
    assert off(left, right) < 4
    assert left[64, :4].min() > 30, "the chest wall is on the left"
    assert left[:, -3:].max() < 10, "what is added lies away from it, and is black but for the compression's ripple"


def test_only_the_size_of_the_section_is_used(pixels):
    odd = ImageSection(height=128, width=96, crop=False, orient=False, fit="stretch", neutral=True)
    np.testing.assert_array_equal(stored(pixels, odd), stored(pixels))


@pytest.mark.parametrize(("height", "width"), [(128, 96), (96, 192), (192, 64)])
def test_nothing_is_stretched(pixels, height, width):
    _, placement = place_neutral(pixels, ImageSection(height=height, width=width, neutral=True), 1.0)
    assert placement.scale_x == pytest.approx(placement.scale_y, rel=0.02)


def test_16_bit_pictures_use_their_own_range(pixels):
    shallow = stored(pixels)
    deep = stored(pixels.astype(np.uint16) * np.uint16(257))
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - shallow).mean() < 1.5
    twelve = pixels.astype(np.uint16) * np.uint16(16)  # of a detector whose largest value is far below 65535
    assert np.abs(stored(twelve) / 16 - shallow).mean() < 1.5
    assert len(np.unique(deep)) <= 256


@pytest.mark.parametrize("level", [0, 77, 255])
def test_a_picture_without_contrast_is_kept_as_a_whole_breast(level):
    stored_pixels, placement = place_neutral(np.full((40, 30), level, np.uint8), ImageSection(height=20, width=20), 1.0)
    assert not placement.mirrored
    assert abs(int(stored_pixels[10, 5]) - level) <= 2
    assert stored_pixels[:, 16:].max() <= 2


@pytest.mark.parametrize("view", ["CC", "MLO"])
@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("made", [np.asarray, in_a_landscape, shrunk])
def test_a_placement_maps_a_lesion_to_its_stored_pixels(view, right, made):
    for seed in range(4):
        drawn, where = draw(seed, view=view)
        mask, source = made(np.asarray(where, np.uint8) * 255) > 127, made(drawn)
        if right:
            mask, source = mask[:, ::-1], source[:, ::-1]
        stored_pixels, placement = place_neutral(source, SECTION, 1.0)
        rows, columns = np.nonzero(mask)
        xs, ys = placement.points(columns + 0.5, rows + 0.5)
        lesion = np.zeros(stored_pixels.shape, bool)
        lesion[np.clip(ys.astype(int), 0, 127), np.clip(xs.astype(int), 0, 95)] = True
        assert 0 <= xs.min() < xs.max() <= 96, "the lesion is cut off"
        reach = np.hypot(*(np.indices(lesion.shape) + 0.5 - np.array([ys.mean(), xs.mean()])[:, None, None]))
        around = (reach < 1.6 * np.sqrt(lesion.sum() / np.pi)) & ~lesion & (stored_pixels > 15)
        assert stored_pixels[lesion].mean() > stored_pixels[around].mean() + 8, (
            f"seed {seed}: no round mass where it should be"
        )


def test_stored_points_show_their_source_points(pixels):
    stored_pixels, placement = place_neutral(pixels, SECTION, 1.0)
    smooth = np.asarray(Image.fromarray(pixels).resize((107, 139), Image.Resampling.BOX), float)
    rows, columns = np.nonzero(smooth > 60)
    xs, ys = placement.points((columns + 0.5) * 320 / 107, (rows + 0.5) * 416 / 139)
    inside = (xs > 1) & (xs < 95) & (ys > 1) & (ys < 127)
    shown = stored_pixels[ys[inside].astype(int), xs[inside].astype(int)]
    assert inside.mean() > 0.9
    assert np.corrcoef(shown, smooth[rows, columns][inside])[0, 1] > 0.9


def sharpness(pixels):
    return np.abs(np.diff(pixels.astype(float), axis=0))[20:100, 2:40].mean()


def test_less_detail_gives_a_less_sharp_picture(pixels):
    full, half = sharpness(stored(pixels)), sharpness(stored(pixels, detail=COARSEST))
    assert half < 0.8 * full


def test_a_files_detail_depends_on_its_size_and_not_on_its_decoding(pixels):
    whole = points_per_pixel(pixels, 1, SECTION)
    assert points_per_pixel(in_a_landscape(pixels), 1, SECTION) == pytest.approx(whole, rel=0.03)
    assert points_per_pixel(shrunk(pixels), 1, SECTION) == pytest.approx(whole / 2, rel=0.03)
    assert points_per_pixel(shrunk(pixels), 2, SECTION) == pytest.approx(whole, rel=0.03)
    _, placement = place_neutral(pixels, SECTION, 1.0)
    assert whole == pytest.approx(1 / (POINT * placement.scale_x), rel=0.05)


@given(st.lists(st.floats(0.01, 20), max_size=9))
def test_the_coarsest_file_decides_within_bounds(details):
    detail = common_detail(details)
    assert COARSEST <= detail <= 1
    assert detail <= max(min(details, default=1), COARSEST)
    assert detail == common_detail(reversed(details))


def test_one_small_file_reduces_the_detail_of_all(pixels, tmp_path):
    """A large file alone keeps all the detail that can be stored."""
    Image.fromarray(pixels).save(tmp_path / "large.png")
    Image.fromarray(shrunk(pixels, 3)).save(tmp_path / "small.png")
    names = ["large.png", "small.png", "absent.png"]
    alone, both = (Index(root=tmp_path, rows=pd.DataFrame({"image_path": some})) for some in (names[:1], names))
    (alone, _), (both, failures) = (build_store(index, SECTION, tmp_path / "cache") for index in (alone, both))
    assert list(failures) == [2]
    np.testing.assert_array_equal(alone.array[0], stored(pixels))
    large, small = both.array
    assert sharpness(large) < 0.9 * sharpness(alone.array[0])
    assert off(large, small) < 6


@settings(max_examples=40)
@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    detail=st.floats(COARSEST, 1),
    deep=st.booleans(),
    seed=st.integers(0, 99),
)
def test_any_picture_fits_any_size(shape, size, detail, deep, seed):
    dtype = np.uint16 if deep else np.uint8
    picture = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
    section = ImageSection(height=size[0], width=size[1], neutral=True)
    stored_pixels, placement = place_neutral(picture, section, detail)
    assert (stored_pixels.shape, stored_pixels.dtype) == (size, dtype)
    assert placement.scale_x > 0
    assert placement.scale_y > 0
    assert points_per_pixel(picture, 1, section) > 0
