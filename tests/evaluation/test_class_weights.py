"""Recalibration undoes the class weights that a loss applied, for every loss that says it weighs classes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from birads_zoo.evaluation.probabilities.applying import recalibrated
from birads_zoo.evaluation.probabilities.recalibration import prior_shift
from birads_zoo.interfaces import LossContext, OutputsContext
from birads_zoo.plugin.host import load_host

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"
COUNTS = (60, 30, 10)


@pytest.mark.parametrize("name", ["cross-entropy", "corn", "multi-label", "cumulative-link"])
def test_the_shares_of_the_data_come_back(name):
    """Rows that all look the same get the logits with the least loss; the true probabilities are the class shares."""
    spec = load_host([EXAMPLES / "multi_label.py", EXAMPLES / "cumulative_link.py"]).loss(name)
    assert spec.weighs_classes
    loss = spec.build(LossContext(class_counts=COUNTS, class_weights=True, ordinal=True, options=spec.options()))
    outputs = spec.outputs(OutputsContext(classes=3, options=spec.options()))
    targets = torch.repeat_interleave(torch.arange(3), torch.tensor(COUNTS))
    logits = torch.zeros(1, outputs.logits, requires_grad=True)
    search = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        search.zero_grad()
        cost = loss(logits.expand(len(targets), -1), targets)
        cost.backward()
        return cost

    search.step(closure)
    probabilities = outputs.probabilities(logits.detach()).double().numpy()
    np.testing.assert_allclose(probabilities[0], [1 / 3] * 3, atol=2e-3)
    adjusted = recalibrated(probabilities, 1.0, prior_shift(COUNTS, "natural", class_weights=True))
    np.testing.assert_allclose(adjusted[0], [0.6, 0.3, 0.1], atol=2e-3)
