"""Specs of public diagnostic data sets, in which most breasts have a finding. No reader is imported here."""

from dataclasses import replace
from typing import Annotated, Literal

from msgspec import Meta

from birads_zoo import DatasetSpec, Options
from birads_zoo_plugins.datasets._lazy import load_of, recognise_of
from birads_zoo_plugins.datasets._targets import ABNORMAL, BIRADS, CASE, DENSITY, FINDING, MARKED, PATHOLOGY, SUSPICIOUS


class CesmOptions(Options, frozen=True, kw_only=True):
    """Which of the two images of each exposure are used."""

    images: Annotated[
        Literal["low-energy", "subtracted", "both"],
        Meta(description="low-energy images look like plain mammograms, subtracted ones show the contrast agent"),
    ] = "low-energy"


DIAGNOSTIC = (
    DatasetSpec(
        name="cbis-ddsm",
        summary="films of DDSM, curated: masses and calcifications, BI-RADS 0-5 and pathology, 1,566 patients",
        load=load_of("public.cbis_ddsm"),
        recognise=recognise_of("public.cbis_ddsm"),
        targets=(BIRADS, SUSPICIOUS, PATHOLOGY, DENSITY),
        source="https://doi.org/10.7937/K9/TCIA.2016.7O02S9CY (The Cancer Imaging Archive; and the four tables)",
        licence="CC BY 3.0",
        citation="Lee et al., A curated mammography data set for use in computer-aided detection and diagnosis "
        "research, Scientific Data 4:170177, 2017",
        layout="the four tables, tried on the real ones; folders of pictures and lesion masks as public loaders of the "
        "archive's download and of the JPEG copy on Kaggle read them, not tried on these downloads",
    ),
    DatasetSpec(
        name="ddsm",
        summary="digitised films of 2,620 cases: normal, benign or cancer, with outlined abnormalities and BI-RADS",
        load=load_of("public.ddsm"),
        recognise=recognise_of("public.ddsm"),
        targets=(BIRADS, SUSPICIOUS, FINDING, MARKED, CASE, replace(DENSITY, level="patient")),
        source="http://www.eng.usf.edu/cvprg/Mammography/Database.html (University of South Florida)",
        licence="for research, with the citation; no licence is stated",
        citation="Heath et al., The Digital Database for Screening Mammography, Proc. 5th International Workshop on "
        "Digital Mammography, 212-218, 2000",
        layout="the cases as the database's page describes them and public loaders read them, not tried on the "
        "published tree; small pictures with labels.csv, tried on 2,911 of them",
    ),
    DatasetSpec(
        name="inbreast",
        summary="410 digital mammograms of 115 cases: BI-RADS 1-6 and density, with contours of the lesions",
        load=load_of("public.inbreast"),
        recognise=recognise_of("public.inbreast"),
        targets=(BIRADS, SUSPICIOUS, DENSITY),
        source="from the authors, on request (Breast Research Group, INESC Porto)",
        licence="the terms agreed with the authors",
        citation="Moreira et al., INbreast: Toward a Full-field Digital Mammographic Database, Academic Radiology "
        "19(2):236-248, 2012",
        layout="as public loaders of INbreast Release 1.0 read it; not tried on the data",
    ),
    DatasetSpec(
        name="cmmd",
        summary="Chinese Mammography Database: 1,775 patients, benign or malignant by biopsy, CC and MLO",
        load=load_of("public.cmmd"),
        recognise=recognise_of("public.cmmd"),
        targets=(replace(PATHOLOGY, level="breast"),),
        source="https://doi.org/10.7937/tcia.eqde-4b16 (The Cancer Imaging Archive, open)",
        licence="CC BY 4.0",
        citation="Cui et al., The Chinese Mammography Database (CMMD), The Cancer Imaging Archive, 2021",
        layout="as three public programs read it: the table's columns, the folders and the headers; not tried on the "
        "data. Copies as PNG are read where their names say the side, as in D1-0001_L_CC.png",
    ),
    DatasetSpec(
        name="cdd-cesm",
        summary="contrast-enhanced mammography: low-energy and subtracted images, 326 patients, outlines of lesions",
        load=load_of("public.cdd_cesm"),
        recognise=recognise_of("public.cdd_cesm"),
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
        load=load_of("public.dmid"),
        recognise=recognise_of("public.dmid"),
        targets=(BIRADS, SUSPICIOUS, FINDING, ABNORMAL, DENSITY),
        source="https://doi.org/10.6084/m9.figshare.24522883 (figshare, open)",
        licence="CC BY 4.0",
        citation="Oza et al., Digital mammography dataset for breast cancer diagnosis research (DMID) with breast mass "
        "segmentation analysis, Biomedical Engineering Letters 14, 2024",
        layout="as three public programs read it: the sheet's order of columns, the reports' lines, the folders; not "
        "tried on the data. The origin of the sheet's circles could not be verified, so they are not read",
    ),
)
