"""Specs of public data sets from screening, in which most breasts are healthy. No reader is imported here."""

from dataclasses import replace
from typing import Annotated, Literal

from msgspec import Meta

from birads_zoo import DatasetSpec, Options
from birads_zoo_plugins.datasets._lazy import load_of, recognise_of
from birads_zoo_plugins.datasets._targets import BIRADS, CANCER, DENSITY, RECALL, SUSPICIOUS

_RECALLED = replace(
    RECALL,
    column="recall",
    classes={"not recalled": ("not recalled",), "recalled": ("recalled",)},
    positive=("recalled",),
    at_lesion=False,
    level="patient",
)


class EmbedOptions(Options, frozen=True, kw_only=True):
    """Which kinds of pictures are used."""

    images: Annotated[
        Literal["2D", "C-view", "both"],
        Meta(description="2D are plain mammograms, C-view pictures are computed from a tomosynthesis"),
    ] = "2D"


SCREENING = (
    DatasetSpec(
        name="rsna-2022",
        summary="54,706 screening mammograms of 11,913 patients: cancer or not, and which patients were called back",
        load=load_of("public.rsna_2022"),
        recognise=recognise_of("public.rsna_2022"),
        targets=tuple(replace(target, level="breast") for target in (CANCER, RECALL, DENSITY)),
        aliases=("rsna-breast-cancer-detection",),
        source="https://www.kaggle.com/competitions/rsna-breast-cancer-detection (with an account, the rules accepted)",
        licence="non-commercial research and education; no attempt to identify anybody",
        citation="RSNA Screening Mammography Breast Cancer Detection AI Challenge, Radiological Society of North "
        "America, 2022",
        layout="as in the challenge's data description and public loaders; not tried on the data",
    ),
    DatasetSpec(
        name="vindr-mammo",
        summary="20,000 digital mammograms of 5,000 exams: BI-RADS 1-5 and density of each breast, boxes of findings",
        load=load_of("public.vindr_mammo"),
        recognise=recognise_of("public.vindr_mammo"),
        targets=tuple(replace(target, level="breast") for target in (BIRADS, SUSPICIOUS, DENSITY)),
        source="https://doi.org/10.13026/br2v-7517 (PhysioNet, with an account, the agreement signed)",
        licence="the data use agreement of the release on PhysioNet (restricted access)",
        citation="Nguyen et al., VinDr-Mammo: A large-scale benchmark dataset for computer-aided diagnosis in "
        "full-field digital mammography, Scientific Data 10:277, 2023",
        layout="as in the release's description and public loaders; not tried on the data; the column of ages in "
        "metadata.csv could not be verified",
    ),
    DatasetSpec(
        name="embed",
        summary="Emory Breast Imaging Dataset, open part: 480,000 pictures of 22,000 patients, BI-RADS 0-6, regions",
        load=load_of("public.embed"),
        recognise=recognise_of("public.embed"),
        options=EmbedOptions,
        targets=(
            replace(BIRADS, level="breast"),
            replace(SUSPICIOUS, level="breast"),
            replace(RECALL, level="breast"),
            replace(DENSITY, level="patient"),
        ),
        source="https://github.com/Emory-HITI/EMBED_Open_Data (AWS Open Data, by a form)",
        licence="EMBED's research use agreement",
        citation="Jeong et al., The EMory BrEast imaging Dataset (EMBED), Radiology: Artificial Intelligence 5(1), "
        "2023",
        layout="as in the README of the release, and as several public programs read it; not tried on the data. The "
        "regions are in the pixels of the DICOM files, and wrong for pictures that were resized",
    ),
    DatasetSpec(
        name="csaw-cc",
        summary="CSAW-CC, Karolinska: 8,723 women screened in Sweden, 873 with cancer, without BI-RADS",
        load=load_of("public.csaw_cc"),
        recognise=recognise_of("public.csaw_cc"),
        targets=(
            replace(CANCER, classes={"no cancer": ("no cancer",), "cancer": ("screen-detected",)}, level="breast"),
            replace(
                CANCER,
                name="cancer-2-years",
                classes={"no cancer": ("no cancer",), "cancer": ("screen-detected", "interval cancer")},
                level="breast",
            ),
            _RECALLED,
        ),
        source="https://snd.se/en/catalogue/dataset/2021-204-1 (Swedish National Data Service, on request)",
        licence="the terms stated by the Swedish National Data Service",
        citation="Strand, CSAW-CC (mammography), Karolinska Institutet, 2022; Dembrower et al., A Multi-million "
        "Mammography Image Dataset and Population-Based Screening Cohort, Journal of Digital Imaging 33, 2020",
        layout="the table's columns and numbers as in four public programs and a description of its code book; "
        "not tried on the data. The names of masks could not be verified: NAME_mask.png is assumed",
    ),
    DatasetSpec(
        name="mammo-mx",
        summary="Mammo-MX: 13,659 pictures of 3,368 patients in Mexico, BI-RADS 0-6 and density in the names",
        load=load_of("public.mammo_mx"),
        recognise=recognise_of("public.mammo_mx"),
        targets=(BIRADS, SUSPICIOUS, RECALL, DENSITY),
        source="https://zenodo.org/records/17740027 (Zenodo, open)",
        licence="CC BY 4.0",
        citation="Mammo-MX dataset: an X-ray mammography dataset for computer-aided diagnosis of breast cancer, 2025; "
        "Machine Learning: Science and Technology, doi:10.1088/2632-2153/ae275c",
        layout="as on the release's page, with file names that a public program uses; not tried on the data. That D1 "
        "to D4 are the densities A to D could not be verified, nor whether a category is of a picture, a breast or "
        "an exam",
    ),
    DatasetSpec(
        name="nl-breast-screening",
        summary="NL-Breast-Screening, Newfoundland and Labrador: 5,997 exams, cancer by biopsy, false positives",
        load=load_of("public.nl_breast_screening"),
        recognise=recognise_of("public.nl_breast_screening"),
        targets=(
            replace(
                CANCER, classes={"no cancer": ("normal", "false positive"), "cancer": ("cancer",)}, level="patient"
            ),
            replace(
                _RECALLED,
                column="label",
                classes={"not recalled": ("normal",), "recalled": ("false positive", "cancer")},
            ),
        ),
        source="https://doi.org/10.20383/103.01349 (Federated Research Data Repository)",
        licence="the terms stated in the repository",
        citation="Kendall et al., Full Field Digital Mammography Dataset from a Population Screening Program, "
        "Scientific Data 12:1479, 2025",
        layout="the table's columns and the folders as two public programs read them; not tried on the data. That a "
        "label is of the exam, and that an exam's folder is a patient's, could not be verified",
    ),
    DatasetSpec(
        name="mammosightr",
        summary="MammosighTR: 12,740 patients of the Turkish screening programme, BI-RADS, density, quadrants",
        load=load_of("public.mammosightr"),
        recognise=recognise_of("public.mammosightr"),
        targets=(
            replace(BIRADS, level="patient"),
            replace(SUSPICIOUS, level="patient"),
            replace(RECALL, level="patient"),
            replace(DENSITY, level="patient"),
        ),
        source="https://acikveri.saglik.gov.tr (open data portal of the Turkish Ministry of Health)",
        licence="the terms stated by the Ministry of Health",
        citation="Koc et al., MammosighTR: Nationwide Breast Cancer Screening Mammogram Dataset with BI-RADS "
        "Annotations for Artificial Intelligence Applications, Radiology: Artificial Intelligence 7(6), 2025",
        layout="the Turkish table and the folders as programs of the TEKNOFEST competition read them; not tried on the "
        "data. Whether later releases have the same column names could not be verified",
    ),
)
