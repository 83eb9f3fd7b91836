"""Inspects a data set as a whole: population, labels, files, duplicates, grey values and chest walls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from birads_zoo.cells import alike_ids
from birads_zoo.data.decoding.images import is_dicom
from birads_zoo.data.index.classes import find_classes
from birads_zoo.data.index.facts import file_facts
from birads_zoo.inspection.breasts import BreastPicture, Chests, count_chests
from birads_zoo.inspection.copies.duplicates import CopyKind, find_duplicates
from birads_zoo.inspection.copies.fingerprints import Fingerprint
from birads_zoo.inspection.formats.association import ClassFormat, FactAccuracy, describe_formats, measure_facts
from birads_zoo.inspection.granularity import Granularity, measure_granularity
from birads_zoo.inspection.labels import Agreement, MixedPatients, count_mixed_patients, find_agreement
from birads_zoo.inspection.listing import list_rows
from birads_zoo.inspection.population import ClassCount, ViewCount, count_population, count_views
from birads_zoo.interfaces import Index, Target

Crossing = Literal["patients", "classes", "exposures"]


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One of two pictures that are the same; `label` is its class, "" if it has none."""

    row: int
    path: str
    patient: str
    side: str
    view: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Duplicate:
    """Two pictures that are the same; `crosses` names what is known for both and differs.

    That is "patients", "classes" or "exposures" (the view or the side).
    """

    first: Copy
    second: Copy
    kind: CopyKind
    similarity: float
    crosses: tuple[Crossing, ...]


@dataclass(frozen=True, kw_only=True)
class Greys:
    """How many `pictures`, except DICOM, have 16 bits, and how many `bits` the brightest of them needs (0 for none)."""

    pictures: int
    bits: int


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """The inspection of `rows` rows that have a class, of which `usable` have a picture, of `patients` patients.

    Everything except `formats`, `naming`, `duplicates` and `chests` is about all rows, with or without a picture.
    `pictures` pictures, including those without a class, were compared for duplicates and checked for their `chests`.
    `alike_ids` are groups of patient ids that seem to be spellings of the same id (`birads_zoo.cells.alike_ids`).
    `greys` says how much of their range 16-bit pictures use.
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
    several: MixedPatients
    agreement: Agreement
    formats: tuple[ClassFormat, ...]
    naming: tuple[FactAccuracy, ...]
    duplicates: tuple[Duplicate, ...]
    alike_ids: tuple[tuple[str, ...], ...]
    greys: Greys
    chests: Chests


def inspect(
    labelled: Index, decoded: Index, prints: Sequence[Fingerprint], seen: Sequence[BreastPicture], target: Target
) -> Inspection:
    """Inspect a data set.

    `labelled` has every row with a class, each picture once, whether or not its file exists. `decoded` has the rows
    whose pictures decode, with their fingerprints `prints` and the breast `seen` in each. `target` must name its
    classes; those without a row in `labelled` are left out.
    """
    listing = list_rows(labelled, target, decoded.rows["row"].tolist())
    present = set(listing["label"])
    classes = tuple(name for name in target.classes or () if name in present)
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
        several=count_mixed_patients(listing, classes),
        agreement=find_agreement(listing),
        formats=describe_formats(listing, facts, classes),
        naming=measure_facts(listing, facts),
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
    """Measure the 16-bit pictures except DICOM, which always has the full range: its header says what is white."""
    files = (decoded.root / path for path in decoded.rows["image_path"])
    deep = [
        fingerprint.brightest
        for fingerprint, file in zip(prints, files, strict=True)
        if fingerprint.deep and not is_dicom(file)
    ]
    return Greys(pictures=len(deep), bits=max(deep, default=0).bit_length())


def _crosses(first: Copy, second: Copy) -> tuple[Crossing, ...]:
    values: dict[Crossing, tuple[tuple[str, str], ...]] = {
        "patients": ((first.patient, second.patient),),
        "classes": ((first.label, second.label),),
        "exposures": ((first.side, second.side), (first.view, second.view)),
    }
    return tuple(border for border, pairs in values.items() if any(a and b and a != b for a, b in pairs))


def _columns(rows: pd.DataFrame) -> list[tuple[int, str, str, str, str]]:
    names = ("row", "image_path", "patient_id", "laterality", "view")
    return list(zip(*(rows[name].tolist() for name in names), strict=True))
