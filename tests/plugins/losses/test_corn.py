"""CORN compared with values computed by hand, and with the published value of its authors' code."""

import math

import pytest
import torch
import torch.nn.functional as F

from birads_zoo.errors import UserError
from birads_zoo.evaluation.probabilities.applying import recalibrated
from birads_zoo.evaluation.probabilities.recalibration import prior_shift, training_shares
from birads_zoo.interfaces import LossContext, OutputsContext
from birads_zoo_plugins.losses import birads_zoo_losses

SPEC = next(spec for spec in birads_zoo_losses() if spec.name == "corn")
THIRDS = math.log(3)  # σ(log 3) = 3/4, σ(0) = 1/2, σ(−log 3) = 1/4
LOGITS = torch.tensor([[THIRDS, 0.0, -THIRDS], [0.0, -THIRDS, THIRDS], [-THIRDS, THIRDS, 0.0]])
PROBABILITIES = [
    # 1−σ₀, σ₀(1−σ₁), σ₀σ₁(1−σ₂), σ₀σ₁σ₂
    [1 / 4, 3 / 4 * 1 / 2, 3 / 4 * 1 / 2 * 3 / 4, 3 / 4 * 1 / 2 * 1 / 4],
    [1 / 2, 1 / 2 * 3 / 4, 1 / 2 * 1 / 4 * 1 / 4, 1 / 2 * 1 / 4 * 3 / 4],
    [3 / 4, 1 / 4 * 1 / 4, 1 / 4 * 3 / 4 * 1 / 2, 1 / 4 * 3 / 4 * 1 / 2],
]
TARGETS = torch.tensor([1, 0, 3])


def build(counts=(1, 1, 1, 1), weighted=False):
    return SPEC.build(LossContext(class_counts=counts, class_weights=weighted, ordinal=True))


def outputs(classes=4):
    return SPEC.outputs(OutputsContext(classes=classes))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_probabilities_are_products_of_conditional_probabilities(dtype):
    assert outputs().logits == 3
    computed = outputs().probabilities(LOGITS.to(dtype))
    torch.testing.assert_close(computed, torch.tensor(PROBABILITIES, dtype=dtype), rtol=1e-6, atol=0)


def test_the_probability_of_passing_a_class_falls_from_class_to_class():
    logits = 5 * torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    beyond = 1 - outputs(6).probabilities(logits.double()).cumsum(1)[:, :-1]
    assert (beyond.diff(dim=1) <= 0).all()
    torch.testing.assert_close(beyond, torch.sigmoid(logits.double()).cumprod(1))


def test_the_loss_is_the_papers_up_to_the_divisor():
    """The tasks' cross-entropies by hand.

    Task 0, "beyond class 0?", has all rows: −log σ₀ of row 0, −log(1−σ₀) of row 1, −log σ₀ of row 2, that is
    −log 3/4 − log 1/2 − log 1/4. Task 1 has the rows 0 and 2 (y ≥ 1): −log(1 − 1/2) − log 3/4. Task 2 only has row 2:
    −log 1/2. Together −log(3/4 · 1/2 · 1/4 · 1/2 · 3/4 · 1/2) of 3 + 2 + 1 = 6 rows of tasks.
    """
    total = -math.log(3 / 4 * 1 / 2 * 1 / 4 * 1 / 2 * 3 / 4 * 1 / 2)
    assert float(build()(LOGITS, TARGETS)) == pytest.approx(total / 3, rel=1e-6), "of 3 images"
    assert float(build()(LOGITS, TARGETS)) * 3 / 6 == pytest.approx(total / 6, rel=1e-6), "the paper's value"


def test_the_value_in_the_documentation_of_the_authors_code():
    """There `coral_pytorch.losses.corn_loss` gives 0.7127; the 8 rows are in 1 + 2 + 3·3 + 4·3 = 24 rows of tasks."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(123)
        pictures, network = torch.rand(8, 99), torch.nn.Linear(99, 4)
        targets = torch.tensor([0, 1, 2, 2, 2, 3, 4, 4])
        assert build((1,) * 5)(network(pictures), targets).item() * 8 / 24 == pytest.approx(0.7127, abs=5e-5)


def test_a_task_without_rows_adds_nothing():
    lowest = torch.tensor([0, 0, 0])  # only task 0 has rows: −log(1 − σ₀) = −log 1/4 − log 1/2 − log 3/4
    logits = LOGITS.clone().requires_grad_()
    loss = build()(logits, lowest)
    loss.backward()
    assert loss.item() == pytest.approx(-math.log(1 / 4 * 1 / 2 * 3 / 4) / 3, rel=1e-6)
    assert (logits.grad[:, 1:] == 0).all()


def test_it_is_the_mean_negative_log_likelihood_of_its_probabilities():
    expected = F.nll_loss(torch.tensor(PROBABILITIES).log(), TARGETS)
    torch.testing.assert_close(build()(LOGITS, TARGETS), expected)


def test_class_weights_multiply_the_rows():
    each = torch.stack([build()(LOGITS[[row]], TARGETS[[row]]) for row in range(3)])
    weights = torch.tensor([16 / (4 * 8), 16 / (4 * 4), 16 / (4 * 2), 16 / (4 * 2)])  # n / (K · count)
    computed = build(counts=(8, 4, 2, 2), weighted=True)(LOGITS, TARGETS)
    torch.testing.assert_close(computed, (weights[TARGETS] * each).mean())


def test_class_weights_shift_its_probabilities_as_the_prior_shift_assumes():
    counts = (60, 30, 10)
    criterion, of_three = build(counts, weighted=True), outputs(3)
    logits, targets = torch.zeros(2, requires_grad=True), torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    optimiser = torch.optim.LBFGS([logits], max_iter=100)

    def step():
        optimiser.zero_grad()
        loss = criterion(logits.expand(100, 2), targets)
        loss.backward()
        return loss

    optimiser.step(step)
    predicted = of_three.probabilities(logits.detach()[None].double()).numpy()
    assert predicted[0] == pytest.approx(training_shares(counts, "natural", True), abs=1e-3)
    assert recalibrated(predicted, 1.0, prior_shift(counts, "natural", True))[0] == pytest.approx(
        [0.6, 0.3, 0.1], abs=1e-3
    )


def test_classes_without_an_order_are_refused():
    with pytest.raises(UserError) as error:
        SPEC.build(LossContext(class_counts=(5, 5, 5), class_weights=False))
    assert str(error.value) == (
        "the loss 'corn' needs classes in order, and this target's have none; choose an ordinal target, or another "
        "loss such as cross-entropy"
    )
