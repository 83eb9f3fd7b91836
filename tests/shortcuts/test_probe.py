"""Formats are named by what files have in common, and the probe predicts those of unseen patients."""

import numpy as np
import pandas as pd

from birads_zoo.inspection.formats.probe import probe, source_formats


def facts(sizes, **changes):
    """Return facts of files with these (height, width)."""
    height, width = np.array(sizes, dtype=float).T
    return pd.DataFrame({"width": width, "height": height, "mode": "L", "quality": 90.0, "exif": False} | changes)


def test_a_size_is_common_from_one_file_in_twenty_on():
    named = source_formats(facts([(200, 100)] * 19 + [(400, 300)]))
    assert named.tolist() == ["200×100 L q90"] * 19 + ["400×300 L q90"]
    rare = source_formats(facts([(200, 100)] * 20 + [(400, 300)]))
    assert rare[-1] == "other sizes L q90"


def test_sizes_that_differ_by_less_than_a_twentieth_are_the_same():
    named = source_formats(facts([(200, 100)] * 4 + [(209, 100)] * 3 + [(200, 106)] * 2 + [(189, 106)]))
    assert named.tolist() == ["200×100 L q90"] * 7 + ["200×106 L q90"] * 2 + ["189×106 L q90"]


def test_a_format_is_size_mode_quality_and_exif_and_an_unread_file_has_none():
    changes = {
        "mode": ["L", "RGB", "L", ""],
        "quality": [90.4, np.nan, 89.6, np.nan],
        "exif": [True, False, False, False],
    }
    named = source_formats(facts([(200, 100)] * 3 + [(np.nan, np.nan)], **changes))
    assert named.tolist() == ["200×100 L q90 EXIF", "200×100 RGB", "200×100 L q90", ""]


def test_formats_of_a_single_patient_and_rows_without_a_patient_are_left_out():
    patients = np.array(["a", "a", "b", "b", "c", "c", "c", " ", ""])
    named = np.array(["x", "y", "x", "y", "z", "z", "z", "x", "y"])
    pixels = np.random.default_rng(0).integers(0, 256, (9, 20, 16)).astype(np.uint8)
    assert probe(pixels, named, patients, 0).formats == {"x": 2, "y": 2}
    alone = probe(pixels, np.where(named == "y", "", named), patients, 0)
    assert (alone.formats, alone.auc) == ({"x": 2}, None)


def test_a_visible_format_is_recognised_and_an_invisible_one_is_guessed():
    generator = np.random.default_rng(0)
    patients = np.repeat(np.arange(12).astype(str), 4)
    named = np.where(np.arange(48) % 2, "x", "y")
    pixels = generator.integers(0, 60, (48, 24, 16)).astype(np.uint8)
    assert 0.2 < probe(pixels, named, patients, 0).auc < 0.8
    pixels[named == "x", 0] = 255
    assert probe(pixels, named, patients, 0).auc == 1
