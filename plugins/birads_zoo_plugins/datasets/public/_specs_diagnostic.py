"""Public sets of examined breasts: most have a finding, with a diagnosis. Light: no reader is imported here."""

from typing import Annotated, Literal

from msgspec import Meta

from birads_zoo import DatasetSpec, Options, Target
from birads_zoo_plugins.datasets._targets import ABNORMAL, BIRADS, DENSITY, FINDING, SUSPICIOUS
from birads_zoo_plugins.datasets.public._lazy import load_of, recognise_of

_BIOPSY = Target(
    name="malignant",
    column="label",
    classes={"benign": ("benign",), "malignant": ("malignant",)},
    ordinal=True,
    positive=("malignant",),
    level="breast",
)


class CesmOptions(Options, frozen=True, kw_only=True):
    """Which of the two images of each exposure are taken."""

    images: Annotated[
        Literal["low-energy", "subtracted", "both"],
        Meta(description="low-energy images look like plain mammograms, subtracted ones show the contrast agent"),
    ] = "low-energy"


DIAGNOSTIC = (
    DatasetSpec(
        name="cmmd",
        summary="Chinese Mammography Database: 1,775 patients, benign or malignant by biopsy, CC and MLO",
        load=load_of("cmmd"),
        recognise=recognise_of("cmmd"),
        targets=(_BIOPSY,),
        source="https://doi.org/10.7937/tcia.eqde-4b16 (The Cancer Imaging Archive, open)",
        licence="CC BY 4.0",
        citation="Cui et al., The Chinese Mammography Database (CMMD), The Cancer Imaging Archive, 2021",
        layout="as three public programs read it: the table's columns, the folders and the headers; not tried on the "
        "data. Copies as PNG are read where their names say the side, as in D1-0001_L_CC.png",
    ),
    DatasetSpec(
        name="cdd-cesm",
        summary="contrast-enhanced mammography: low-energy and subtracted images, 326 patients, outlines of lesions",
        load=load_of("cdd_cesm"),
        recognise=recognise_of("cdd_cesm"),
        options=CesmOptions,
        targets=(BIRADS, SUSPICIOUS, FINDING, ABNORMAL, DENSITY),
        source="https://www.cancerimagingarchive.net/collection/cdd-cesm/ (The Cancer Imaging Archive, open)",
        licence="CC BY 4.0",
        citation="Khaled et al., Categorized contrast enhanced mammography dataset for diagnostic and artificial "
        "intelligence research, Scientific Data 9:122, 2022",
        layout="as four public programs read it: the sheet's columns, '$' between findings, the outlines' shapes; not "
        "tried on the data. That an ellipse's theta is in radians could not be verified",
    ),
    DatasetSpec(
        name="dmid",
        summary="Digital mammography dataset for breast cancer diagnosis: 510 images with reports, India",
        load=load_of("dmid"),
        recognise=recognise_of("dmid"),
        targets=(BIRADS, SUSPICIOUS, FINDING, ABNORMAL, DENSITY),
        source="https://doi.org/10.6084/m9.figshare.24522883 (figshare, open)",
        licence="CC BY 4.0",
        citation="Oza et al., Digital mammography dataset for breast cancer diagnosis research (DMID) with breast mass "
        "segmentation analysis, Biomedical Engineering Letters 14, 2024",
        layout="as three public programs read it: the sheet's order of columns, the reports' lines, the folders; not "
        "tried on the data. The origin of the sheet's circles could not be verified, so they are not read",
    ),
)
