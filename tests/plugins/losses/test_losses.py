import msgspec
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from birads_zoo.errors import UserError
from birads_zoo.interfaces import LossContext, OutputsContext
from birads_zoo_plugins.losses import birads_zoo_losses
from birads_zoo_plugins.losses._weighted import FocalLoss

SPECS = {spec.name: spec for spec in birads_zoo_losses()}
COUNTS = st.lists(st.integers(1, 3000), min_size=2, max_size=6)


def build(name, counts=(10, 5, 1), weighted=False, **options):
    context = LossContext(
        class_counts=tuple(counts), class_weights=weighted, ordinal=True, options=SPECS[name].options(**options)
    )
    return SPECS[name].build(context)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.randn(12, 3, requires_grad=True), torch.arange(12) % 3


@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_is_focal_loss_without_focus(batch, weighted):
    weights = LossContext(class_counts=(10, 5, 1), class_weights=weighted).weights
    torch.testing.assert_close(build("cross-entropy", weighted=weighted)(*batch), FocalLoss(weights, gamma=0.0)(*batch))


def test_unweighted_cross_entropy_is_torchs(batch):
    torch.testing.assert_close(build("cross-entropy")(*batch), F.cross_entropy(*batch))


def test_focal_loss_is_equation_5_of_its_paper(batch):
    logits, targets = batch
    share = logits.softmax(1)[torch.arange(12), targets]
    weights = torch.tensor([16 / 30, 16 / 15, 16 / 3])
    expected = (weights[targets] * (1 - share) ** 2 * -share.log()).mean()
    torch.testing.assert_close(build("focal", weighted=True)(logits, targets), expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 5.0])
def test_the_focal_losss_gamma_is_an_option(batch, gamma):
    logits, targets = batch
    share = logits.softmax(1)[torch.arange(12), targets]
    value = build("focal", gamma=gamma)(logits, targets)
    torch.testing.assert_close(value, ((1 - share) ** gamma * -share.log()).mean())


def test_a_gamma_below_one_has_a_finite_gradient_where_an_image_is_sure():
    logits = torch.tensor([[60.0, -60.0, 0.0]], requires_grad=True)
    build("focal", gamma=0.5)(logits, torch.tensor([0])).backward()
    assert torch.isfinite(logits.grad).all()


def test_a_negative_gamma_is_refused():
    with pytest.raises(msgspec.ValidationError, match=r"Expected `float` >= 0.0 - at `\$.gamma`"):
        msgspec.convert({"gamma": -1}, SPECS["focal"].options)


def test_focal_loss_gives_easy_rows_a_lower_weight():
    logits, targets = torch.tensor([[4.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), torch.tensor([0, 0])
    easy, hard = (build("focal")(logits[[row]], targets[[row]]) for row in (0, 1))
    plain_easy, plain_hard = (build("cross-entropy")(logits[[row]], targets[[row]]) for row in (0, 1))
    assert easy / plain_easy < 0.01
    assert hard / plain_hard > 0.5


@given(COUNTS)
def test_balanced_weights_are_scikit_learns(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    expected = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
    weights = LossContext(class_counts=tuple(counts), class_weights=True).weights
    np.testing.assert_allclose(weights, expected, rtol=1e-5)


def test_balanced_weights_of_the_papers_rows_are_the_papers():
    weights = LossContext(class_counts=(1385, 199, 54, 16), class_weights=True).weights
    np.testing.assert_allclose(weights, [0.2986, 2.078, 7.657, 25.84], rtol=1e-3)


@given(COUNTS, st.integers(0, 5))
def test_the_mean_weight_of_rows_is_1_even_with_an_empty_class(counts, empty):
    counts = [*counts[:empty], 0, *counts[empty:]]
    weights = LossContext(class_counts=tuple(counts), class_weights=True).weights
    assert np.dot(weights, counts) / sum(counts) == pytest.approx(1, rel=1e-4)
    assert [weight == 0 for weight in weights] == [count == 0 for count in counts]


def test_a_class_without_training_rows_does_not_count():
    loss = build("cross-entropy", counts=(6, 6, 0), weighted=True)
    logits = torch.zeros(2, 3)
    assert loss(logits, torch.tensor([2, 2])) == 0
    assert loss(logits, torch.tensor([0, 1])) > 0


def test_missing_rows_are_reported():
    with pytest.raises(UserError, match="no class has a training row, so there is nothing to weigh; check the split"):
        build("cross-entropy", counts=(0, 0))


def logits_of(name):
    """Return how many logits the loss has for three classes."""
    return SPECS[name].outputs(OutputsContext(classes=3)).logits


@pytest.mark.parametrize("name", SPECS)
def test_a_rows_gradient_does_not_depend_on_its_batch(batch, name):
    """The epoch's loss is the mean over its rows, however they are batched."""
    logits, targets = batch[0][:, : logits_of(name)], batch[1]
    loss = build(name, weighted=True)
    halves = (loss(logits[:6], targets[:6]) + loss(logits[6:], targets[6:])) / 2
    torch.testing.assert_close(loss(logits, targets), halves)


@pytest.mark.parametrize("name", SPECS)
def test_half_precision_and_sure_logits_stay_finite(name):
    logits = torch.tensor([[90.0, -90.0, 0.0], [-90.0, 90.0, 0.0]], dtype=torch.bfloat16, requires_grad=True)
    value = build(name, weighted=True)(logits[:, : logits_of(name)], torch.tensor([0, 0]))
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


def test_weights_move_with_the_loss_and_are_not_part_of_its_state():
    loss = build("focal", weighted=True)
    assert not loss.state_dict()
    assert loss.to("meta").weights.device.type == "meta"
