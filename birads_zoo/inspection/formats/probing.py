"""Probes a data set's pictures as a run would store them, with and without the neutral geometry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from birads_zoo.data.index.facts import file_facts
from birads_zoo.data.store.pixels import build_store
from birads_zoo.inspection.formats.probe import probe, source_formats
from birads_zoo.interfaces import Index
from birads_zoo.recipe import ImageSection


def probe_geometries(
    index: Index, section: ImageSection, cache: Path, seed: int, on_progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Return how well a network predicts the source formats from stored pixels, without and with `neutral`.

    `formats` has the number of rows of each format. `auc` has the probe's AUC (see `probe.probe`), "before" (as
    `section` says) and "after" (neutral); `None` if fewer than two formats have two patients. `index` has rows whose
    pictures decode; both stores are built in `cache`. `on_progress` is called with (pictures done, pictures in all) for
    each of the two in turn.
    """
    facts = file_facts(index)
    aucs: dict[str, float | None] = {}
    formats: dict[str, int] = {}
    for name, neutral in (("before", section.neutral), ("after", True)):
        store, failures = build_store(index, msgspec.structs.replace(section, neutral=neutral), cache, on_progress)
        kept = np.setdiff1d(np.arange(len(facts)), list(failures))
        patients = index.rows["patient_id"].to_numpy(dtype=np.str_)[kept]
        result = probe(store.array, source_formats(facts.iloc[kept]), patients, seed)
        formats, aucs[name] = result.formats, result.auc
    return {"formats": formats, "auc": aucs}
