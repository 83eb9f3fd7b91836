"""Public data sets: a module for each, imported when it is needed; this one stays light."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from birads_zoo import DatasetContext, DatasetSpec, Index
from birads_zoo_plugins.datasets._targets import (
    BIRADS,
    CANCER,
    CASE,
    DENSITY,
    FINDING,
    MARKED,
    PATHOLOGY,
    RECALL,
    SUSPICIOUS,
)


def _load(module: str) -> Callable[[DatasetContext], Index]:
    """Return the `load` of a module in this folder."""

    def load(context: DatasetContext) -> Index:
        index: Index = import_module(f"{__name__}.{module}").load(context)
        return index

    return load


def _recognise(module: str) -> Callable[[Path], str]:
    """Return the `recognise` of a module in this folder."""

    def recognise(folder: Path) -> str:
        why: str = import_module(f"{__name__}.{module}").recognise(folder)
        return why

    return recognise


PUBLIC: tuple[DatasetSpec, ...] = (
    DatasetSpec(
        name="cbis-ddsm",
        summary="films of DDSM, curated: masses and calcifications, BI-RADS 0-5 and pathology, 1,566 patients",
        load=_load("cbis_ddsm"),
        recognise=_recognise("cbis_ddsm"),
        targets=(BIRADS, SUSPICIOUS, PATHOLOGY, DENSITY),
        source="https://doi.org/10.7937/K9/TCIA.2016.7O02S9CY (The Cancer Imaging Archive; the four tables beside)",
        licence="CC BY 3.0",
        citation="Lee et al., A curated mammography data set for use in computer-aided detection and diagnosis "
        "research, Scientific Data 4:170177, 2017",
        layout="the four tables, tried on the real ones; folders of pictures as public loaders of the archive's "
        "download and of the JPEG copy on Kaggle read them, not tried on these downloads; lesion masks are not read",
    ),
    DatasetSpec(
        name="ddsm",
        summary="digitised films of 2,620 cases: normal, benign or cancer, with outlined abnormalities and BI-RADS",
        load=_load("ddsm"),
        recognise=_recognise("ddsm"),
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
        load=_load("inbreast"),
        recognise=_recognise("inbreast"),
        targets=(BIRADS, SUSPICIOUS, DENSITY),
        source="from the authors, on request (Breast Research Group, INESC Porto)",
        licence="the terms agreed with the authors",
        citation="Moreira et al., INbreast: Toward a Full-field Digital Mammographic Database, Academic Radiology "
        "19(2):236-248, 2012",
        layout="as public loaders of INbreast Release 1.0 read it; not tried on the data",
    ),
    DatasetSpec(
        name="rsna-2022",
        summary="54,706 screening mammograms of 11,913 patients: cancer or not, and who was called back",
        load=_load("rsna_2022"),
        recognise=_recognise("rsna_2022"),
        targets=tuple(replace(target, level="breast") for target in (CANCER, RECALL, DENSITY)),
        aliases=("rsna-breast-cancer-detection",),
        source="https://www.kaggle.com/competitions/rsna-breast-cancer-detection (with an account, the rules accepted)",
        licence="non-commercial research and education; no attempt to identify anybody",
        citation="RSNA Screening Mammography Breast Cancer Detection AI Challenge, Radiological Society of North "
        "America, 2022",
        layout="as the challenge's data description and public loaders have it; not tried on the data",
    ),
    DatasetSpec(
        name="vindr-mammo",
        summary="20,000 digital mammograms of 5,000 exams: BI-RADS 1-5 and density of each breast, boxes of findings",
        load=_load("vindr_mammo"),
        recognise=_recognise("vindr_mammo"),
        targets=tuple(replace(target, level="breast") for target in (BIRADS, SUSPICIOUS, DENSITY)),
        source="https://doi.org/10.13026/br2v-7517 (PhysioNet, with an account, the agreement signed)",
        licence="the data use agreement of the release on PhysioNet (restricted access)",
        citation="Nguyen et al., VinDr-Mammo: A large-scale benchmark dataset for computer-aided diagnosis in "
        "full-field digital mammography, Scientific Data 10:277, 2023",
        layout="as the release's description and public loaders have it; not tried on the data; the column of ages in "
        "metadata.csv could not be verified",
    ),
)
