import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from birads_zoo.explanation.heat_maps import choose_sample, explain_sample


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_one_row_per_class_is_the_median_row() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    own = np.array([0.9, 0.1, 0.5, 0.2, 0.8, 0.6])
    probabilities = np.where(labels[:, None] == np.arange(2), own[:, None], 1 - own[:, None])
    assert choose_sample(labels, probabilities, 1, generator()).tolist() == [2, 5]


def test_more_rows_spread_evenly_from_worst_to_best() -> None:
    labels = np.zeros(8, np.int64)
    probabilities = np.linspace(0.9, 0.2, 8)[:, None] * np.array([1, 0]) + np.array([0, 0.1])
    assert choose_sample(labels, probabilities, 4, generator()).tolist() == [6, 4, 2, 0]


def test_small_classes_give_all_and_absent_classes_none() -> None:
    labels = np.array([2, 0, 0, 0])
    chosen = choose_sample(labels, np.full((4, 3), 1 / 3), 2, generator())
    assert labels[chosen].tolist() == [0, 0, 2]
    assert len(set(chosen.tolist())) == 3
    everything = choose_sample(labels, np.full((4, 3), 1 / 3), 9, generator())
    assert sorted(everything.tolist()) == [0, 1, 2, 3]


def test_ties_are_broken_by_the_generator_alone() -> None:
    labels, probabilities = np.zeros(50, np.int64), np.full((50, 2), 0.5)
    draws = [tuple(choose_sample(labels, probabilities, 5, np.random.default_rng(seed))) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


class Small(nn.Module):
    """A module with two parts in different modes, one of them frozen, and a gradient from training."""

    place = None

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 1, 3, padding=1)
        self.last = nn.Linear(1, 2)
        self.train()
        self.last.eval()
        self.first.bias.requires_grad_(False)  # type: ignore[union-attr]
        self.last.weight.grad = torch.ones_like(self.last.weight)


def brightness(images: Tensor, targets: Tensor, present: Tensor) -> Tensor:
    return images[:, :, 0] * targets[:, None, None, None]


def test_maps_of_all_batches_come_in_order() -> None:
    images, targets = torch.rand(5, 2, 1, 6, 4), torch.tensor([1, 0, 1, 0, 1])
    sizes = []

    def explainer(batch: Tensor, classes: Tensor, present: Tensor) -> Tensor:
        sizes.append(len(batch))
        return brightness(batch, classes, present)

    maps = explain_sample(Small(), explainer, images, targets, batch_size=2)  # type: ignore[arg-type]
    assert sizes == [2, 2, 1]
    assert maps.shape == (5, 2, 6, 4)
    np.testing.assert_array_equal(maps, brightness(images, targets, torch.ones(5, 2)).numpy())


def test_a_missing_image_has_an_empty_map_whatever_the_explainer_returns() -> None:
    images, present = torch.rand(3, 2, 1, 6, 4), torch.tensor([[True, True], [True, False], [False, True]])
    batches = []

    def explainer(batch: Tensor, classes: Tensor, exists: Tensor) -> Tensor:
        batches.append(exists)
        return torch.where(exists[..., None, None], batch[:, :, 0], torch.nan)

    maps = explain_sample(Small(), explainer, images, torch.tensor([1, 0, 1]), 2, present=present)  # type: ignore[arg-type]
    assert torch.equal(torch.cat(batches), present)
    np.testing.assert_array_equal(maps, np.where(present[..., None, None], images[:, :, 0], 0))


def test_every_batch_draws_the_same_from_the_seed() -> None:
    images, targets = torch.zeros(4, 1, 1, 2, 2), torch.zeros(4, dtype=torch.int64)

    def random(batch: Tensor, classes: Tensor, present: Tensor) -> Tensor:
        return torch.rand(1, 1, 2, 2).expand(len(batch), -1, -1, -1)

    def maps(**seed: int) -> NDArray[np.float32]:
        return explain_sample(Small(), random, images, targets, batch_size=2, **seed)  # type: ignore[arg-type]

    torch.manual_seed(5)
    assert (maps(seed=3) == maps(seed=3)[0]).all()
    assert not np.array_equal(maps(seed=3), maps(seed=4))


def test_the_classifier_is_restored_after_an_untidy_explainer() -> None:
    model = Small()
    gradient = model.last.weight.grad
    assert gradient is not None

    def untidy(images: Tensor, targets: Tensor, present: Tensor) -> Tensor:
        assert not model.training
        assert not model.first.training
        for parameter in model.parameters():
            parameter.requires_grad_(True)
        model.last(model.first(images.flatten(0, 1)).mean((2, 3))).sum().backward()
        model.train()
        return brightness(images, targets, present)

    explain_sample(model, untidy, torch.rand(2, 1, 1, 4, 4), torch.tensor([0, 1]), 8)  # type: ignore[arg-type]
    assert (model.training, model.first.training, model.last.training) == (True, True, False)
    assert model.last.weight.grad is gradient
    assert torch.equal(gradient, torch.ones_like(gradient))
    assert model.first.weight.grad is None
    assert [p.requires_grad for p in model.first.parameters()] == [True, False]


def test_the_classifier_is_restored_when_the_explainer_fails() -> None:
    model = Small()

    def failing(images: Tensor, targets: Tensor, present: Tensor) -> Tensor:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        explain_sample(model, failing, torch.rand(1, 1, 1, 4, 4), torch.tensor([0]), 8)  # type: ignore[arg-type]
    assert model.training
    assert model.last.weight.grad is not None


@pytest.mark.parametrize(
    ("heat", "text"),
    [
        (torch.zeros(2, 4, 4), r"the shape \(2, 4, 4\); expected \(2, 1, 4, 4\)"),
        (torch.full((2, 1, 4, 4), torch.nan), "not finite"),
        (torch.full((2, 1, 4, 4), 3.0), "from 3 to 3; expected values in"),
    ],
)
def test_maps_that_break_the_contract_are_rejected(heat: Tensor, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        explain_sample(Small(), lambda *_: heat, torch.rand(2, 1, 1, 4, 4), torch.tensor([0, 1]), 2)  # type: ignore[arg-type]
