"""Everything that an audit finds beyond single rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from birads_zoo.cells import alike_ids
from birads_zoo.data.decoding.images import is_dicom
from birads_zoo.data.index.classes import find_classes
from birads_zoo.data.index.facts import file_facts
from birads_zoo.inspection.breasts import Chests, Seen, count_chests
from birads_zoo.inspection.copies.duplicates import Kind, find_duplicates
from birads_zoo.inspection.copies.fingerprints import Fingerprint
from birads_zoo.inspection.formats.association import ClassFormat, Naming, describe_formats, find_names
from birads_zoo.inspection.granularity import Granularity, measure_granularity
from birads_zoo.inspection.labels import Agreement, Several, find_agreement, find_several
from birads_zoo.inspection.listing import list_rows
from birads_zoo.inspection.population import ClassCount, ViewCount, count_population, count_views
from birads_zoo.interfaces import Index, Target

Border = Literal["patients", "classes", "exposures"]


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One of two pictures that are the same; `label` is its class, "" without one."""

    row: int
    path: str
    patient: str
    side: str
    view: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Duplicate:
    """Two pictures that are the same; `crosses` names what differs between them though both are known.

    "patients" and "classes", and "exposures": the view or the side.
    """

    first: Copy
    second: Copy
    kind: Kind
    similarity: float
    crosses: tuple[Border, ...]


@dataclass(frozen=True, kw_only=True)
class Greys:
    """How many `pictures` have 16 bits, DICOM aside, and how many `bits` the brightest grey of all needs (0: none)."""

    pictures: int
    bits: int


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found on `rows` rows that have a class, of which `usable` have a picture, of `patients` patients.

    Everything but `formats`, `naming`, `duplicates` and `chests` is about all rows, with or without a picture.
    `pictures` were compared for duplicates and looked at for their `chests`, those without a class too. `alike_ids` are
    groups of patient ids that seem to be spellings of one (`birads_zoo.cells.alike_ids`). `greys` says how much of
    their range 16-bit pictures use.
    """

    target: str
    classes: tuple[str, ...]
    rows: int
    usable: int
    patients: int
    pictures: int
    population: tuple[ClassCount, ...]
    views: tuple[ViewCount, ...]
    granularity: Granularity
    several: Several
    agreement: Agreement
    formats: tuple[ClassFormat, ...]
    naming: tuple[Naming, ...]
    duplicates: tuple[Duplicate, ...]
    alike_ids: tuple[tuple[str, ...], ...]
    greys: Greys
    chests: Chests


def inspect(
    labelled: Index, decoded: Index, prints: Sequence[Fingerprint], seen: Sequence[Seen], target: Target
) -> Inspection:
    """Inspect a data set.

    `labelled` has every row with a class, each picture once, whether its file is there or not; `decoded` the rows
    whose pictures decode, with their fingerprints `prints` and what was `seen` in each. `target` has its classes named;
    those without a row in `labelled` are left out.
    """
    listing = list_rows(labelled, target, decoded.rows["row"].tolist())
    found = set(listing["label"])
    classes = tuple(name for name in target.classes or () if name in found)
    facts = file_facts(labelled)
    return Inspection(
        target=target.name,
        classes=classes,
        rows=len(listing),
        usable=int(listing["usable"].sum()),
        patients=listing.loc[listing["patient"] != "", "patient"].nunique(),
        pictures=len(prints),
        population=count_population(listing, classes),
        views=count_views(listing, classes),
        granularity=measure_granularity(listing, classes, target.level),
        several=find_several(listing, classes),
        agreement=find_agreement(listing),
        formats=describe_formats(listing, facts, classes),
        naming=find_names(listing, facts),
        duplicates=_duplicates(decoded, prints, target),
        alike_ids=tuple(alike_ids(listing["patient"])),
        greys=_greys(decoded, prints),
        chests=count_chests(seen),
    )


def _duplicates(decoded: Index, prints: Sequence[Fingerprint], target: Target) -> tuple[Duplicate, ...]:
    copies = [
        Copy(row=row, path=path, patient=patient, side=side, view=view, label=label or "")
        for (row, path, patient, side, view), label in zip(
            _columns(decoded.rows), find_classes(decoded, target), strict=True
        )
    ]
    return tuple(
        Duplicate(
            first=copies[pair.first],
            second=copies[pair.second],
            kind=pair.kind,
            similarity=pair.similarity,
            crosses=_crosses(copies[pair.first], copies[pair.second]),
        )
        for pair in find_duplicates(prints)
    )


def _greys(decoded: Index, prints: Sequence[Fingerprint]) -> Greys:
    """Measure the 16-bit pictures but for DICOM, which has the whole range: its header says what is white."""
    files = (decoded.root / path for path in decoded.rows["image_path"])
    deep = [one.brightest for one, file in zip(prints, files, strict=True) if one.deep and not is_dicom(file)]
    return Greys(pictures=len(deep), bits=max(deep, default=0).bit_length())


def _crosses(one: Copy, other: Copy) -> tuple[Border, ...]:
    told: dict[Border, tuple[tuple[str, str], ...]] = {
        "patients": ((one.patient, other.patient),),
        "classes": ((one.label, other.label),),
        "exposures": ((one.side, other.side), (one.view, other.view)),
    }
    return tuple(border for border, pairs in told.items() if any(a and b and a != b for a, b in pairs))


def _columns(rows: pd.DataFrame) -> list[tuple[int, str, str, str, str]]:
    names = ("row", "image_path", "patient_id", "laterality", "view")
    return list(zip(*(rows[name].tolist() for name in names), strict=True))
