"""Names for patients that tell nothing of them."""

from __future__ import annotations

from collections.abc import Iterable

from birads_zoo.randomness import numpy_generator


def pseudonyms(patients: Iterable[str], seed: int) -> dict[str, str]:
    """Return "P001", "P002" … for each patient id, and "" for an unknown one, "".

    The order is drawn by chance from `seed`, so that it tells neither the ids' order nor the sheet's; one seed and one
    set of patients give the same names again. Who has the ids and the seed can find out who is who: this keeps names
    out of a page, and is no encryption.
    """
    known = sorted({patient for patient in patients if patient})
    digits = max(3, len(str(len(known))))
    order = numpy_generator(seed, "pseudonyms").permutation(len(known))
    return {"": ""} | {known[at]: f"P{number:0{digits}d}" for number, at in enumerate(order, start=1)}
