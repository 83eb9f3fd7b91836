"""The options of data sets: what tables and folders without a convention mean, and which phantom is made."""

from typing import Annotated

from msgspec import Meta

from birads_zoo import Options


class TableOptions(Options, frozen=True, kw_only=True):
    """A table, and what its columns mean."""

    table: Annotated[str, Meta(description="a sheet or CSV file, relative to the root unless absolute")] = ""
    columns: Annotated[
        dict[str, str],
        Meta(description="the table's name for a column, as patient_id = 'Case', or several as '{patient}/{image}'"),
    ] = {}  # noqa: RUF012 - msgspec makes a new one for each value


class PatientOptions(TableOptions, frozen=True, kw_only=True):
    """And where a patient's id stands in the path of a picture."""

    patient_pattern: Annotated[
        str, Meta(description="a regular expression whose first group, searched in a picture's path, is the patient id")
    ] = ""


MergeIds = Annotated[
    bool, Meta(description="take patient ids that differ in case, hyphens, leading zeros or '.0' alone for one patient")
]


class FolderOptions(PatientOptions, frozen=True, kw_only=True):
    """And whether spellings of a patient's id are made one."""

    merge_ids: MergeIds = False


class KaumdsOptions(TableOptions, frozen=True, kw_only=True):
    """And what becomes of pictures that the sheet does not name."""

    unlisted: Annotated[
        bool, Meta(description="also take pictures that the table does not name, labelled by their folder")
    ] = False
    merge_ids: MergeIds = False


class PhantomOptions(Options, frozen=True, kw_only=True):
    """The phantom that is made where no root is given."""

    patients: Annotated[int, Meta(description="how many, where no root is given")] = 100
    seed: Annotated[int, Meta(description="of everything random in it, where no root is given")] = 0
