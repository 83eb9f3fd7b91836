"""Replaces patient ids by names that reveal nothing about the patients."""

from __future__ import annotations

from collections.abc import Iterable

from birads_zoo.randomness import numpy_generator


def pseudonyms(patients: Iterable[str], seed: int) -> dict[str, str]:
    """Return "P001", "P002" … by patient id, and "" for "", an unknown patient.

    The order is random, drawn from `seed`: it reveals neither the order of the ids nor that of the table. The same seed
    and the same patients give the same names again. Anyone with the ids and the seed can undo this: it keeps ids out of
    a page, but it is no encryption.
    """
    known = sorted({patient for patient in patients if patient})
    digits = max(3, len(str(len(known))))
    order = numpy_generator(seed, "pseudonyms").permutation(len(known))
    return {"": ""} | {known[at]: f"P{number:0{digits}d}" for number, at in enumerate(order, start=1)}
