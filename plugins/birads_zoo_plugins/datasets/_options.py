"""The options of data sets: the meaning of tables and folders, and the phantom to be made."""

from typing import Annotated

from msgspec import Meta

from birads_zoo import Options


class TableOptions(Options, frozen=True, kw_only=True):
    """A table, and the meaning of its columns."""

    table: Annotated[str, Meta(description="a sheet or CSV file, relative to the root unless absolute")] = ""
    columns: Annotated[
        dict[str, str],
        Meta(description="the table's name of a column, as patient_id = 'Case', or several as '{patient}/{image}'"),
    ] = {}  # noqa: RUF012 - msgspec makes a new one for each value


class PatientOptions(TableOptions, frozen=True, kw_only=True):
    """Options of a table, and a pattern that finds the patient id in a picture's path."""

    patient_pattern: Annotated[
        str, Meta(description="a regular expression whose first group, searched in a picture's path, is the patient id")
    ] = ""


MergeIds = Annotated[
    bool, Meta(description="treat patient ids that differ only in case, hyphens, leading zeros or '.0' as one patient")
]


class FolderOptions(PatientOptions, frozen=True, kw_only=True):
    """Options of a table and a pattern, and whether spellings of a patient's id are merged."""

    merge_ids: MergeIds = False


class KaumdsOptions(TableOptions, frozen=True, kw_only=True):
    """Options of the sheet, and whether pictures without a row in it are used."""

    unlisted: Annotated[
        bool, Meta(description="also use pictures without a row in the table, labelled by their folder")
    ] = False
    merge_ids: MergeIds = False


class PhantomOptions(Options, frozen=True, kw_only=True):
    """The phantom that is made when no root is given."""

    patients: Annotated[int, Meta(description="number of patients, when no root is given")] = 100
    seed: Annotated[int, Meta(description="random seed of the phantom, when no root is given")] = 0
