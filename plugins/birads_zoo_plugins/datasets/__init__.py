"""The bundled data sets. Each is read by a sibling module that is imported on first use."""

from birads_zoo import DatasetContext, DatasetSpec, Index, hookimpl
from birads_zoo_plugins.datasets._lazy import recognise_of
from birads_zoo_plugins.datasets._options import FolderOptions, KaumdsOptions, PatientOptions, PhantomOptions
from birads_zoo_plugins.datasets._targets import ABNORMAL, BIRADS, DENSITY, FINDING, LABEL, SUSPICIOUS, TISSUE
from birads_zoo_plugins.datasets.public import PUBLIC

PLUGIN_API = 1


def load_kaumds(context: DatasetContext) -> Index:
    """Read the KAUMDS folder: its metadata sheet and `mammograms/`."""
    from birads_zoo_plugins.datasets._kaumds import load

    return load(context)


def load_mini_mias(context: DatasetContext) -> Index:
    """Read the unpacked mini-MIAS archive: `Info.txt` and 322 PGM files."""
    from birads_zoo_plugins.datasets._mini_mias import load

    return load(context)


def load_image_folder(context: DatasetContext) -> Index:
    """Read a folder with one folder of pictures per class."""
    from birads_zoo_plugins.datasets._image_folder import load

    return load(context)


def load_csv_table(context: DatasetContext) -> Index:
    """Read any table with one row per picture."""
    from birads_zoo_plugins.datasets._csv_table import load

    return load(context)


def load_dicom_folder(context: DatasetContext) -> Index:
    """Read a tree of DICOM files, labelled by a table or by folder."""
    from birads_zoo_plugins.datasets._dicom_folder import load

    return load(context)


def load_phantom(context: DatasetContext) -> Index:
    """Read a folder of synthetic mammograms, or make one where no root is given."""
    from birads_zoo_plugins.datasets._phantom import load

    return load(context)


@hookimpl
def birads_zoo_datasets() -> list[DatasetSpec]:
    """Return the bundled data sets."""
    return [
        DatasetSpec(
            name="kaumds",
            summary="King Abdulaziz University mammograms: BI-RADS 1-5, CC and MLO, 996 patients in the sheet",
            load=load_kaumds,
            recognise=recognise_of("_kaumds"),
            options=KaumdsOptions,
            targets=(BIRADS, SUSPICIOUS, DENSITY),
            aliases=("kau-bcmd",),
            source="https://dx.doi.org/10.21227/a4cs-ax02 (IEEE DataPort, with an account)",
            licence="the terms stated on IEEE DataPort",
            citation="Alsolami et al., King Abdulaziz University Breast Cancer Mammogram Dataset, Data 6(11):111, 2021",
        ),
        DatasetSpec(
            name="mini-mias",
            summary="mini-MIAS: 322 MLO mammograms of 161 patients, normal, benign or malignant",
            load=load_mini_mias,
            recognise=recognise_of("_mini_mias"),
            targets=(FINDING, ABNORMAL, TISSUE),
            source="https://www.repository.cam.ac.uk/handle/1810/250394 (MIAS), http://peipa.essex.ac.uk/info/mias.html",
            licence="for research; see the licence agreement in the archive",
            citation="Suckling et al., The Mammographic Image Analysis Society digital mammogram database, 1994",
        ),
        DatasetSpec(
            name="phantom",
            summary="synthetic mammograms in KAUMDS' layout, with their true lesions",
            load=load_phantom,
            recognise=recognise_of("_phantom"),
            extends="kaumds",
            options=PhantomOptions,
            targets=(BIRADS, SUSPICIOUS, DENSITY),
            source="made by birads-zoo phantom; without --root it is made in the cache",
            licence="MIT, as birads-zoo",
        ),
        DatasetSpec(
            name="image-folder",
            summary="one folder of pictures per class; the patient from the path or a table",
            load=load_image_folder,
            recognise=recognise_of("_image_folder"),
            generic=True,
            options=FolderOptions,
            targets=(LABEL,),
        ),
        DatasetSpec(
            name="dicom-folder",
            summary="a tree of DICOM files; sides, views and patients from headers, labels from a table or folders",
            load=load_dicom_folder,
            recognise=recognise_of("_dicom_folder"),
            generic=True,
            options=PatientOptions,
            targets=(BIRADS, SUSPICIOUS, DENSITY, LABEL),
        ),
        DatasetSpec(
            name="csv",
            summary="any table with one row per picture (CSV, TSV or XLSX), columns mapped by name",
            load=load_csv_table,
            recognise=recognise_of("_csv_table"),
            generic=True,
            options=FolderOptions,
            targets=(BIRADS, SUSPICIOUS, DENSITY, LABEL),
        ),
        *PUBLIC,
    ]
