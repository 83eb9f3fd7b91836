"""The table of scores marks scores of too few patients."""

from functools import partial

import msgspec
import numpy as np
import pandas as pd
import pytest

from birads_zoo.explanation.faithfulness import BASELINES, DECISIVE_SCORES, evaluate_explainer
from birads_zoo.report.run.heat_text import explanations_text


@pytest.fixture
def text_of(made_explanations):
    return partial(_text_of, made_explanations)


def _text_of(made_explanations, lesion_patients):
    """Return the table of 12 patients with two images each, the first of whom have marked lesions."""
    of, generator = np.repeat(np.arange(12), 2), np.random.default_rng(0)
    at_lesion = ("pointing", "energy_in_lesion")
    columns = [
        *DECISIVE_SCORES,
        *at_lesion,
        "pointing_chance",
        "energy_in_breast",
        "breast_share",
        "rank_correlation",
        "ssim",
    ]
    columns += [f"{baseline}_{name}" for baseline, names in BASELINES.items() for name in names]
    table = pd.DataFrame({name: generator.random(24) for name in columns}).assign(patient_id=of.astype(str))
    table.loc[of >= lesion_patients, [name for name in columns if name.endswith((*at_lesion, "pointing_chance"))]] = (
        np.nan
    )
    return explanations_text(made_explanations({"grad-cam": msgspec.to_builtins(evaluate_explainer(table))}))


@pytest.mark.parametrize(("patients", "marked"), [(4, True), (5, False), (0, False)])
def test_scores_at_lesions_of_fewer_than_five_patients_are_marked(text_of, patients, marked):
    text = text_of(patients)
    assert (f"points into a lesion (n = {2 * patients}) †" in text) is marked
    assert (f"sum in lesions (n = {2 * patients}) †" in text) is marked
    assert ("† of fewer than 5 patients (4): the intervals are too narrow" in text) is marked
    assert "insertion (n = 24) †" not in text
