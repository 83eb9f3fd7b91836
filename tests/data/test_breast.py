import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from birads_zoo.data.decoding.images import read_image
from birads_zoo.data.picture import GreyArray
from birads_zoo.data.placement.breast import breast_area, crop_to_breast, find_breast
from birads_zoo.data.placement.geometry import place
from birads_zoo.recipe import ImageSection

Mask = NDArray[np.bool_]


def drawn(
    rng: np.random.Generator, *, film: float = 0.03, contrast: float = 0.6, noise: float = 0.005, rim: float = 0.0
) -> tuple[NDArray[np.float64], Mask]:
    """Return a half ellipse on the left edge that fades over the skin, with tissue's texture, and its mask.

    Greys are in [0, 1]. `rim` is a bright line along the skin, as contrast-enhanced pictures have.
    """
    height, width = int(rng.integers(280, 420)), int(rng.integers(220, 340))
    rows, columns = np.mgrid[:height, :width]
    high, wide = height * rng.uniform(0.28, 0.42), width * rng.uniform(0.35, 0.7)
    inside = ((rows - height * rng.uniform(0.45, 0.55)) / high) ** 2 + (columns / wide) ** 2 < 1
    deep = ndimage.distance_transform_edt(np.pad(inside, ((1, 1), (40, 1)), mode="edge"))[1:-1, 40:-1]
    skin = rng.uniform(3, 12)
    texture = ndimage.gaussian_filter(rng.standard_normal(inside.shape), 6)
    tissue = np.clip(deep / skin, 0, 1) * (1 + 0.15 * texture / texture.std())
    bright = rim * np.exp(-(((deep - skin) / 5) ** 2)) * inside
    return film + contrast * tissue + bright + noise * rng.standard_normal(inside.shape), inside


def with_gradient(picture: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    rows, columns = (np.linspace(-0.5, 0.5, size) for size in picture.shape)
    angle = rng.uniform(0, 2 * np.pi)
    return picture + 0.1 * (np.sin(angle) * rows[:, None] + np.cos(angle) * columns)


def with_label(picture: NDArray[np.float64], *, at_edge: bool) -> NDArray[np.float64]:
    """Add a white label in the upper corner opposite the chest wall, at the edge or just beside it."""
    picture = picture.copy()
    off = 0 if at_edge else 8
    picture[off : off + 30, picture.shape[1] - 50 - off : picture.shape[1] - off] = 1
    return picture


def with_border(picture: NDArray[np.float64], thick: int) -> NDArray[np.float64]:
    """Add white lines above, below and opposite the chest wall, where the film ended in the scanner."""
    picture = picture.copy()
    picture[:thick], picture[-thick:], picture[:, -thick:] = 1, 1, 1
    return picture


def made(kind: str, rng: np.random.Generator) -> tuple[NDArray[np.float64], Mask]:
    match kind:
        case "film that is not black":
            return drawn(rng, film=rng.uniform(0.1, 0.4), noise=rng.uniform(0, 0.03))
        case "a gradient":
            picture, inside = drawn(rng, film=0.15)
            return with_gradient(picture, rng), inside
        case "low contrast":
            return drawn(rng, film=rng.uniform(0.1, 0.5), contrast=rng.uniform(0.06, 0.15), noise=0.004)
        case "a bright rim":
            return drawn(rng, film=rng.uniform(0.1, 0.5), contrast=0.07, rim=rng.uniform(0.05, 0.15), noise=0.004)
        case "hardly more than a rim":
            return drawn(rng, film=rng.uniform(0.1, 0.5), contrast=0.025, rim=rng.uniform(0.06, 0.15), noise=0.003)
        case "a label":
            picture, inside = drawn(rng)
            return with_label(picture, at_edge=False), inside
        case "a faint breast beside a label on the frame":
            picture, inside = drawn(rng, film=0.0, contrast=0.03, noise=0)
            return with_label(picture, at_edge=True), inside
        case "white borders":
            picture, inside = drawn(rng)
            return with_border(picture, int(rng.integers(2, 8))), inside
        case "cut above and below":
            picture, inside = drawn(rng)
            quarter = len(picture) // 3
            return picture[quarter:-quarter], inside[quarter:-quarter]
        case "padded on both sides":
            picture, inside = drawn(rng, film=0.06)
            return np.pad(picture, ((0, 0), (70, 110))), np.pad(inside, ((0, 0), (70, 110)))
    raise AssertionError(kind)


DEPTHS = {"8 bits": (np.uint8, 255), "12 of 16 bits": (np.uint16, 4095), "16 bits": (np.uint16, 65535)}


@pytest.mark.parametrize(
    "kind",
    [
        "film that is not black",
        "a gradient",
        "low contrast",
        "a bright rim",
        "hardly more than a rim",
        "a label",
        "a faint breast beside a label on the frame",
        "white borders",
        "cut above and below",
        "padded on both sides",
    ],
)
@settings(max_examples=12)
@given(seed=st.integers(0, 999), right=st.booleans(), depth=st.sampled_from(sorted(DEPTHS)))
def test_the_whole_breast_and_its_chest_wall_are_found(kind: str, seed: int, right: bool, depth: str) -> None:
    picture, inside = made(kind, np.random.default_rng(seed))
    if right:
        picture, inside = picture[:, ::-1], inside[:, ::-1]
    dtype, white = DEPTHS[depth]
    image: GreyArray = np.rint(np.clip(picture, 0, 1) * white).astype(dtype)
    breast = find_breast(image)
    assert breast.detected
    assert breast.chest_right == right, "the chest wall is on the other side"
    outside = inside.copy()
    outside[breast.y0 : breast.y1, breast.x0 : breast.x1] = False
    assert outside.sum() <= 0.01 * inside.sum(), "tissue is cut off"
    if kind in ("a label", "low contrast", "padded on both sides", "film that is not black"):
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        tight = len(rows) * len(columns)
        assert (breast.x1 - breast.x0) * (breast.y1 - breast.y0) < 1.35 * tight, "the crop is loose"


def half_ellipse(height: int = 300, width: int = 400, *, right: bool = False, level: int = 150) -> NDArray[np.uint8]:
    """A half ellipse on the left edge (or the right one), 200 rows high and 120 columns wide, on film of level 8."""
    rows, columns = np.mgrid[:height, :width]
    inside = ((rows - height / 2) / 100) ** 2 + (columns / 120) ** 2 < 1
    picture = np.where(inside, level, 8).astype(np.uint8)
    return picture[:, ::-1].copy() if right else picture


def test_crop_is_the_breasts_box() -> None:
    breast = find_breast(half_ellipse())
    assert not breast.chest_right
    assert breast.x0 == 0
    assert abs(breast.x1 - 120) <= 8
    assert abs(breast.y0 - 50) <= 8
    assert abs(breast.y1 - 250) <= 8


def test_a_bright_label_tape_and_a_film_edge_are_not_the_breast() -> None:
    plain, film = find_breast(half_ellipse()), half_ellipse()
    film[20:70, 300:350] = 255  # a label
    film[:, 385:] = 255  # tape
    film[270:273, :] = 255  # a film edge
    film[100:102, 100:300] = 255  # a scratch that bridges breast and nothing
    breast = find_breast(film)
    for name in ("x0", "y0", "x1", "y1"):
        assert abs(getattr(breast, name) - getattr(plain, name)) <= 14, name
    assert not breast.chest_right


def test_the_brighter_half_is_not_the_chest_wall() -> None:
    picture = half_ellipse()
    picture[100:200, 60:110] = 255  # dense tissue behind the nipple
    assert not find_breast(picture).chest_right
    assert find_breast(picture[:, ::-1].copy()).chest_right


def test_a_picture_filled_by_the_breast_is_kept_whole() -> None:
    texture = ndimage.gaussian_filter(np.random.default_rng(3).standard_normal((240, 170)), 7)
    picture = np.rint(140 + 20 * texture / texture.std()).clip(0, 255).astype(np.uint8)
    breast = find_breast(picture)
    assert not breast.detected
    assert (breast.x0, breast.y0, breast.x1, breast.y1) == (0, 0, 170, 240)
    assert breast_area(picture).all()


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("white", [255, 65535])
def test_a_label_beside_the_breast_is_removed_from_the_crop(right: bool, white: int) -> None:
    dtype = np.uint8 if white == 255 else np.uint16
    picture = half_ellipse().astype(dtype) * dtype(white // 255)
    picture[56:74, 94:116] = white  # in a corner of the breast's box
    bare = half_ellipse().astype(dtype) * dtype(white // 255)
    if right:
        picture, bare = picture[:, ::-1].copy(), bare[:, ::-1].copy()
    assert find_breast(picture) == find_breast(bare)
    part, _ = crop_to_breast(picture)
    expected, _ = crop_to_breast(bare)
    assert part.dtype == dtype
    assert part.max() == expected.max(), "the label is still there"
    assert (part == expected)[expected > expected.max() // 2].all(), "the breast itself is as it was"
    section = ImageSection(height=96, width=64)
    assert place(picture, section)[0].max() == expected.max()
    whole, _ = place(picture, ImageSection(height=300, width=400, crop=False))
    assert whole.max() == white, "a picture that is not cropped stays as it is"


def test_what_touches_the_breast_or_is_within_it_stays() -> None:
    picture = half_ellipse()
    picture[140:150, 50:60] = 255  # a calcification
    picture[100:200, 115:128] = 255  # a marker on the nipple
    part, breast = crop_to_breast(picture)
    np.testing.assert_array_equal(part, picture[breast.y0 : breast.y1, breast.x0 : breast.x1])


def test_the_pictures_own_pixels_are_not_changed() -> None:
    picture = half_ellipse()
    picture[56:74, 94:116] = 255
    before = picture.copy()
    crop_to_breast(picture)
    np.testing.assert_array_equal(picture, before)


def test_the_breasts_area_is_found_in_small_and_large_pictures() -> None:
    for size in (64, 300):
        stored, _ = place(half_ellipse(height=700, width=800), ImageSection(height=size, width=size))
        area = breast_area(stored)
        assert area.shape == stored.shape
        inside = stored > 75
        assert area[inside].all(), "no tissue is left out"
        around = ndimage.binary_dilation(inside, iterations=2 + size // 50)
        assert not area[~around].any(), "the skin may fade, but not far"
    assert breast_area(np.full((30, 20), 7, np.uint8)).all()


def test_real_chest_walls_are_found() -> None:
    data = os.environ.get("BIRADS_ZOO_DATA")
    if not data:
        pytest.skip("BIRADS_ZOO_DATA is not set: no real pictures at hand")
    files = sorted((Path(data) / "kaumds-sample" / "mammograms").glob("*/*.jpg"))
    assert len(files) == 21
    for file in files:
        image = read_image(file, (448, 448))
        breast = find_breast(image)
        assert breast.chest_right == file.stem.endswith("R"), file.name
        # Landscape frames are mostly black: the box holds the breast, and only it.
        share = (breast.x1 - breast.x0) * (breast.y1 - breast.y0) / image.size
        assert share < (0.25 if image.shape[1] > image.shape[0] else 0.99), file.name
        assert image[breast.y0 : breast.y1, breast.x0 : breast.x1].sum() > 0.9 * image.sum(), file.name


@pytest.mark.slow
def test_labels_and_tape_are_not_the_breast_in_mini_mias(tmp_path: Path) -> None:
    data = os.environ.get("BIRADS_ZOO_DATA")
    if not data:
        pytest.skip("BIRADS_ZOO_DATA is not set: no real pictures at hand")
    wrong_side, odd_size = [], []
    with tarfile.open(Path(data) / "mini-mias.tar.xz") as archive:
        for member in archive:
            name = Path(member.name).stem
            content = archive.extractfile(member) if member.name.endswith(".pgm") else None
            if content is None:
                continue
            (tmp_path / "one.pgm").write_bytes(content.read())
            image = read_image(tmp_path / "one.pgm")
            breast = find_breast(image)
            if breast.chest_right != (int(name[3:]) % 2 == 1):  # odd numbers show the chest wall on the right
                wrong_side.append(name)
            if not 0.15 < (breast.x1 - breast.x0) * (breast.y1 - breast.y0) / image.size < 0.95:
                odd_size.append(name)
    # Two magnified pictures show breast from edge to edge: nothing to crop, and no side that is heavier. In mdb269 the
    # film is as grey as the skin.
    assert set(wrong_side) <= {"mdb151", "mdb152", "mdb269"}
    assert set(odd_size) <= {"mdb151", "mdb152"}
