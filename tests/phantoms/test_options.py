import re

import pytest

from birads_zoo.errors import UserError
from birads_zoo.phantoms.options import PhantomOptions


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"patients": 3}, "a phantom of 3 patients cannot hold every category: give at least 4 patients"),
        ({"patients": 100_001}, "a phantom of 100001 patients is too large: give at most 100000 patients"),
        ({"height": 31}, "the phantom's height cannot be 31 pixels: choose 32 to 4096"),
        ({"width": 5000}, "the phantom's width cannot be 5000 pixels: choose 32 to 4096"),
        ({"height": 100, "width": 300}, "a breast does not fit 100x300, which is too wide"),
        ({"height": 300, "width": 100}, "a breast does not fit 300x100, which is too high"),
        ({"format": "dicom", "shortcut": "format"}, "shortcut 'format' plants colour modes and JPEG qualities: DICOM"),
        ({"damaged": -1}, "-1 pictures of a phantom cannot be damaged: choose 0 to 100"),
        ({"patients": 4, "damaged": 5}, "5 pictures of a phantom cannot be damaged: choose 0 to 4"),
    ],
)
def test_impossible_values_are_refused_in_a_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        PhantomOptions(**changes)  # type: ignore[arg-type]


def test_the_digest_depends_on_every_option() -> None:
    variants = [
        PhantomOptions(),
        PhantomOptions(patients=61),
        PhantomOptions(seed=1),
        PhantomOptions(height=417),
        PhantomOptions(width=321),
        PhantomOptions(balance="real"),
        PhantomOptions(shortcut="size"),
        PhantomOptions(balance="screening"),
        PhantomOptions(format="dicom"),
        PhantomOptions(damaged=4),
    ]
    assert len({options.digest for options in variants}) == len(variants)
    assert PhantomOptions().digest == PhantomOptions().digest
