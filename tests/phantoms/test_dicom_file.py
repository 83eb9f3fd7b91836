"""DICOM phantoms: complete headers that name no person, 12 bits, and the same pictures as the JPEG files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from birads_zoo.phantoms.cohort import draw_cohort
from birads_zoo.phantoms.options import PhantomOptions

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same phantom as DICOM and as JPEG. Read-only."""
    from birads_zoo.phantoms.files.writer import generate

    folders = []
    for form in ("dicom", "jpeg"):
        folders.append(tmp_path_factory.mktemp("phantom") / form)
        generate(folders[-1], PhantomOptions(patients=6, seed=5, height=128, width=96, format=form, damaged=0))  # type: ignore[arg-type]
    return folders[0], folders[1]


def files(folder: Path) -> list[Path]:
    return sorted((folder / "mammograms").rglob("*.*"))


def test_pictures_are_those_of_the_jpeg_files_in_twelve_bits(made: tuple[Path, Path]) -> None:
    dicom, jpeg = made
    assert [path.stem for path in files(dicom)] == [path.stem for path in files(jpeg)]
    for path, other in zip(files(dicom), files(jpeg), strict=True):
        stored = pydicom.dcmread(path).pixel_array
        with Image.open(other) as image:
            grey = np.asarray(image, np.float32)
        assert stored.dtype == np.uint16
        assert 1000 < stored.max() <= 4095
        assert len(np.unique(stored)) > 400, "no more grey levels than a JPEG file has"
        assert np.abs(stored / 4095 * 255 - grey).mean() < 2


def test_headers_describe_the_exposure_and_name_no_person(made: tuple[Path, Path]) -> None:
    women = {woman.patient_id: woman for woman in draw_cohort(PhantomOptions(patients=6, seed=5, damaged=0)).pictured}
    seen = set()
    for path in files(made[0]):
        header = pydicom.dcmread(path)
        woman = women[header.PatientID]
        side, view = path.stem[-1], path.stem.split()[-1].split("_")[0]
        assert (header.ImageLaterality, header.ViewPosition) == (side, view)
        assert header.PatientAge == f"{woman.age:03}Y"
        assert header.StudyDate == woman.study_date.strftime("%Y%m%d")
        assert (header.Modality, header.PresentationIntentType) == ("MG", "FOR PRESENTATION")
        assert (header.BitsAllocated, header.BitsStored, header.HighBit) == (16, 12, 11)
        assert not [element for element in header.iterall() if element.tag.is_private]
        names = [element for element in header.iterall() if element.VR == "PN" and str(element.value)]
        assert not names, "a phantom has no name"
        seen.add(header.SOPInstanceUID)
    assert len(seen) == len(files(made[0])), "instances share an id"


def test_one_seed_gives_the_same_bytes(made: tuple[Path, Path], make: Make) -> None:
    again = make(patients=6, seed=5, height=128, width=96, format="dicom", damaged=0)
    assert [path.read_bytes() for path in files(again)] == [path.read_bytes() for path in files(made[0])]


@pytest.mark.parametrize(("height", "width"), [(96, 72), (65, 47)])
def test_the_pixel_spacing_fits_the_frame(make: Make, height: int, width: int) -> None:
    """Pictures of 3 and 4 are half as large. Those of 5 are cropped, which does not change the spacing."""
    folder = make(format="dicom", shortcut="size", height=height, width=width, damaged=0)
    whole = 240 / height
    half = [whole * height / (height // 2), whole * width / (width // 2)]
    for category, expected in {"1": [whole] * 2, "3": half, "4": half, "5": [whole] * 2}.items():
        for path in (folder / "mammograms" / f"BIRAD {category}").iterdir():
            header = pydicom.dcmread(path, stop_before_pixels=True)
            assert list(header.ImagerPixelSpacing) == pytest.approx(expected, abs=1e-4), category


def test_broken_files_have_the_given_damage(make: Make) -> None:
    folder = make(format="dicom", damaged=5, height=64, width=48)
    for path, kind in draw_cohort(PhantomOptions(patients=8, seed=3, damaged=5)).damage.items():
        file = folder / f"{path}.dcm"
        assert file.exists() == (kind != "missing")
        if kind == "truncated":
            with pytest.raises((ValueError, AttributeError, EOFError)):
                pydicom.dcmread(file).pixel_array  # noqa: B018
