"""DICOM files: the pixels shown, compared with values computed by hand from the standard's formulas."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from birads_zoo.data.decoding.images import is_deep, read_image, read_picture
from birads_zoo.data.dicom.grey import Display, Lut, Rescale, Window, shades

RAMP = np.tile(np.arange(0, 4096, 64, dtype=np.uint16), (16, 1))
"""16×64, from 0 to 4032 in steps of 64: without a breast, so nothing is removed as a mark."""


def _table(first, bits, entries, name="VOILUTSequence"):
    item = Dataset()
    item.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(entries), first, bits])
    item.add_new("LUTData", "US", [int(entry) for entry in entries])
    return {name: Sequence([item])}


def _row(path):
    pixels = read_image(path)
    assert (pixels == pixels[0]).all(), "all rows of the ramp are alike"
    return pixels[0].astype(int)


def test_without_a_window_white_is_the_highest_value_that_can_be_stored(tmp_path, write_dicom):
    shown = _row(write_dicom(tmp_path / "a.dcm", RAMP, BitsStored=12))
    np.testing.assert_array_equal(shown, np.rint(RAMP[0] / 4095 * 65535).astype(int))
    darker = _row(write_dicom(tmp_path / "b.dcm", RAMP // 4, BitsStored=12))
    assert darker.max() == round(1008 / 4095 * 65535), "a dark picture stays dark: its own maximum does not matter"


@pytest.mark.parametrize(("dtype", "deep"), [(np.uint8, False), (np.uint16, True)])
def test_full_depth_comes_back_exactly(tmp_path, write_dicom, dtype, deep):
    pixels = np.tile(np.linspace(0, np.iinfo(dtype).max, 64).astype(dtype), (16, 1))
    path = write_dicom(tmp_path / "a", pixels)  # no suffix: DICOM is recognised by its content
    shown = read_image(path)
    assert shown.dtype == dtype
    np.testing.assert_array_equal(shown, pixels)
    assert is_deep(path) is deep


def test_signed_values_start_at_the_lowest_that_can_be_stored(tmp_path, write_dicom):
    pixels = np.tile(np.arange(-2048, 2048, 64, dtype=np.int16), (16, 1))
    shown = _row(write_dicom(tmp_path / "a.dcm", pixels, BitsStored=12))
    np.testing.assert_array_equal(shown, np.rint((pixels[0] + 2048.0) / 4095 * 65535).astype(int))


def test_overlays_above_the_stored_bits_are_ignored(tmp_path, write_dicom):
    overlaid = RAMP | np.uint16(0xF000)
    path = write_dicom(tmp_path / "a.dcm", overlaid, BitsStored=12)
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x60020102, "US", 12)  # OverlayBitPosition
    dataset.save_as(path)
    shown = read_image(path)
    np.testing.assert_array_equal(shown, read_image(write_dicom(tmp_path / "b.dcm", RAMP, BitsStored=12)))


@pytest.mark.parametrize(
    ("function", "value", "grey"),
    [  # center 2048, width 1024: worked out from PS3.3 C.11.2.1.2.1, C.11.2.1.3.2 and C.11.2.1.3.1
        ("LINEAR", 1536, 0.0),  # ≤ 2047.5 − 1023/2 = 1536
        ("LINEAR", 2048, (2048 - 2047.5) / 1023 + 0.5),
        ("LINEAR", 2304, (2304 - 2047.5) / 1023 + 0.5),
        ("LINEAR", 2560, 1.0),  # > 2047.5 + 1023/2 = 2559
        (None, 2304, (2304 - 2047.5) / 1023 + 0.5),
        ("LINEAR_EXACT", 1536, 0.0),
        ("LINEAR_EXACT", 2048, 0.5),
        ("LINEAR_EXACT", 2304, 0.75),
        ("LINEAR_EXACT", 2560, 1.0),
        ("SIGMOID", 2048, 0.5),
        ("SIGMOID", 2304, 1 / (1 + np.exp(-1))),
        ("SIGMOID", 1024, 1 / (1 + np.exp(4))),
    ],
)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_windows(tmp_path, write_dicom, function, value, grey, photometric):
    path = write_dicom(
        tmp_path / "a.dcm",
        RAMP,
        BitsStored=12,
        PhotometricInterpretation=photometric,
        WindowCenter=["2048", "100"],  # the first window is the file's own choice
        WindowWidth=["1024", "50"],
        VOILUTFunction=function,
    )
    expected = 1 - grey if photometric == "MONOCHROME1" else grey
    assert _row(path)[value // 64] == round(expected * 65535)


def test_a_window_is_of_rescaled_values(tmp_path, write_dicom):
    path = write_dicom(
        tmp_path / "a.dcm",
        RAMP,
        BitsStored=12,
        RescaleSlope="0.5",
        RescaleIntercept="-1000",
        WindowCenter="0",
        WindowWidth="1000",
        VOILUTFunction="LINEAR_EXACT",
    )
    np.testing.assert_array_equal(
        _row(path), np.rint(np.clip((0.5 * RAMP[0] - 1000) / 1000 + 0.5, 0, 1) * 65535).astype(int)
    )


def test_a_negative_slope_inverts_the_greys(tmp_path, write_dicom):
    shown = _row(write_dicom(tmp_path / "a.dcm", RAMP, BitsStored=12, RescaleSlope="-1", RescaleIntercept="4095"))
    np.testing.assert_array_equal(shown, np.rint((4095 - RAMP[0]) / 4095 * 65535).astype(int))


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_a_table_comes_before_a_window_and_its_bits_are_the_range(tmp_path, write_dicom, syntax):
    entries = np.arange(0, 1000, 10)  # 100 entries of 10 bits, for 1000 … 1099
    path = write_dicom(
        tmp_path / "a.dcm",
        RAMP,
        BitsStored=12,
        TransferSyntaxUID=syntax,
        WindowCenter="5",
        WindowWidth="5",
        **_table(1000, 10, entries),
    )
    shown = _row(path)
    assert shown[0] == 0, "below the first input: the first entry"
    assert shown[1024 // 64] == round(240 / 1023 * 65535)
    assert shown[-1] == round(990 / 1023 * 65535), "above the last input: the last entry"


def test_a_table_of_rescaled_values_can_start_below_zero(tmp_path, write_dicom):
    table = _table(-100, 8, np.arange(256))
    path = write_dicom(tmp_path / "a.dcm", RAMP, BitsStored=12, RescaleIntercept="-1000", RescaleSlope="1", **table)
    assert _row(path)[960 // 64] == round((960 - 1000 + 100) / 255 * 65535)


def test_a_modality_table_comes_before_the_window(tmp_path, write_dicom):
    table = _table(0, 16, 4095 - np.arange(4096), "ModalityLUTSequence")
    path = write_dicom(tmp_path / "a.dcm", RAMP, BitsStored=12, WindowCenter="2048", WindowWidth="4096", **table)
    expected = np.clip((4095.0 - RAMP[0] - 2047.5) / 4095 + 0.5, 0, 1)
    np.testing.assert_array_equal(_row(path), np.rint(expected * 65535).astype(int))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black(tmp_path, write_dicom, photometric):
    shown = _row(
        write_dicom(
            tmp_path / "a.dcm",
            RAMP,
            BitsStored=12,
            PhotometricInterpretation=photometric,
            PixelPaddingValue=0,
            PixelPaddingRangeLimit=640,
        )
    )
    assert (shown[:11] == 0).all()
    plain = RAMP[0, 11:] / 4095
    expected = 1 - plain if photometric == "MONOCHROME1" else plain
    np.testing.assert_array_equal(shown[11:], np.rint(expected * 65535).astype(int))


def test_signed_padding(tmp_path, write_dicom):
    pixels = np.tile(np.arange(-2048, 2048, 64, dtype=np.int16), (16, 1))
    shown = _row(write_dicom(tmp_path / "a.dcm", pixels, BitsStored=12, PixelPaddingValue=-64))
    assert shown[31] == 0
    assert shown[30] > 0


@pytest.mark.parametrize(
    ("last_row", "last_column", "shown"), [("81", "65", (80, 64)), ("200", "200", (80, 64)), ("75", "33", (74, 32))]
)
def test_a_shutter_of_a_portrait_picture_ends_where_it_says_or_with_the_picture(
    tmp_path, write_dicom, last_row, last_column, shown
):
    """Edges are given as rows and columns, and a picture is rarely square."""
    path = write_dicom(
        tmp_path / "a.dcm",
        np.full((80, 64), 4095, np.uint16),
        BitsStored=12,
        ShutterShape="RECTANGULAR",
        ShutterUpperHorizontalEdge="0",
        ShutterLowerHorizontalEdge=last_row,
        ShutterLeftVerticalEdge="0",
        ShutterRightVerticalEdge=last_column,
    )
    rows, columns = np.nonzero(read_image(path))
    assert (rows.min(), columns.min()) == (0, 0)
    assert (rows.max() + 1, columns.max() + 1) == shown


def test_a_shutter_hides_what_is_beyond_its_edges(tmp_path, write_dicom):
    pixels = np.full((64, 64), 200, np.uint8)
    shown = read_image(
        write_dicom(
            tmp_path / "a.dcm",
            pixels,
            ShutterShape="RECTANGULAR",
            ShutterUpperHorizontalEdge="10",
            ShutterLowerHorizontalEdge="50",
            ShutterLeftVerticalEdge="5",
            ShutterRightVerticalEdge="60",
        )
    )
    expected = np.zeros_like(pixels)
    expected[10:49, 5:59] = 200  # the edges are numbered from 1, and are themselves hidden
    np.testing.assert_array_equal(shown, expected)


def test_colour_becomes_luma(tmp_path, write_dicom):
    colour = np.zeros((16, 64, 3), np.uint8)
    colour[..., 0], colour[:, ::2, 1], colour[..., 2] = 10, 200, 30
    options = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "BitsStored": 8, "BitsAllocated": 8}
    path = write_dicom(tmp_path / "a.dcm", colour, PhotometricInterpretation="RGB", **options)
    luma = 0.299 * colour[..., 0] + 0.587 * colour[..., 1] + 0.114 * colour[..., 2]
    np.testing.assert_array_equal(read_image(path), np.rint(luma))
    path = write_dicom(tmp_path / "b.dcm", colour, PhotometricInterpretation="YBR_FULL", **options)
    np.testing.assert_array_equal(read_image(path), colour[..., 0])  # Y is the luma


def test_bytes_in_the_other_order(tmp_path, write_dicom):
    options = {"BitsStored": 12, "PixelPaddingValue": 64, "WindowCenter": "2000", "WindowWidth": "3000"}
    plain = write_dicom(tmp_path / "a.dcm", RAMP, **options, **_table(1000, 10, range(100)))
    turned = write_dicom(
        tmp_path / "b.dcm",
        RAMP.byteswap(),
        TransferSyntaxUID=uid.ExplicitVRBigEndian,
        **options,
        **_table(1000, 10, range(100)),
    )
    np.testing.assert_array_equal(read_image(turned), read_image(plain))


def test_a_dicom_picture_is_never_scaled_down(tmp_path, write_dicom):
    picture = read_picture(write_dicom(tmp_path / "a.dcm", np.tile(RAMP, (10, 10))), (16, 16))
    assert (picture.pixels.shape, picture.reduction) == ((160, 640), 1)


@given(
    bits=st.integers(2, 12),
    signed=st.booleans(),
    slope=st.floats(0.01, 100),
    center=st.floats(-5000, 5000),
    width=st.floats(1, 5000),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_laws_of_windows(bits, signed, slope, center, width, function):
    def grey(inverted, voi):
        rescale = Rescale(slope=slope, intercept=-slope)
        return shades(Display(bits=bits, signed=signed, modality=rescale, voi=voi, inverted=inverted))

    window = Window(center=center, width=width, function=function)
    shown = grey(False, window)
    assert shown.shape == (1 << bits,)
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert (np.diff(shown) >= 0).all(), "more is never darker"
    np.testing.assert_allclose(grey(True, window), 1 - shown)
    whole = grey(False, None)
    assert (whole[0], whole[-1]) == (0, 1), "without a window, all that can be stored is the range"


def test_a_table_with_the_windows_values_gives_the_same_greys():
    window = Window(center=600, width=800)
    values = np.arange(1024, dtype=np.float64)
    table = Lut(first=0, bits=16, entries=np.rint(window(values) * 65535).astype(np.int64))
    shared = {"bits": 10, "signed": False, "modality": Rescale(), "inverted": False}
    np.testing.assert_allclose(
        shades(Display(voi=table, **shared)), shades(Display(voi=window, **shared)), atol=0.5 / 65535
    )


def test_a_window_of_width_one_is_a_step():
    np.testing.assert_array_equal(Window(center=3, width=1)(np.array([2.0, 2.5, 3.0])), [0, 0, 1])


def test_many_threads_read_the_same_as_one(tmp_path, write_dicom):
    paths = [write_dicom(tmp_path / f"{n}.dcm", RAMP + np.uint16(n), BitsStored=12) for n in range(20)]
    alone = [read_image(path) for path in paths]
    with ThreadPoolExecutor(8) as pool:
        for expected, pixels in zip(alone, pool.map(read_image, paths), strict=True):
            np.testing.assert_array_equal(pixels, expected)
