"""What a model costs: operations counted by hand, and meters that are replaced by fixed readings."""

import mmap

import pytest
import torch
from torch import nn

from birads_zoo.devices import Compute, choose_compute
from birads_zoo.training import cost
from birads_zoo.training.history import Epoch

PASSES = cost._TIMED_PASSES  # read before any test asks for `few_repeats`
SIZE = cost.Size(parameters=10, trainable=4, flops=7, predict_rate=3.0)


def _epoch(rate: float) -> Epoch:
    return Epoch(
        fold=0, epoch=1, train_loss=1.0, val_loss=None, val_accuracy=None, val_macro_f1=None, val_auroc=None,
        learning_rate=0.1, seconds=1.0, images_per_second=rate,
    )  # fmt: skip


class _Pooled(nn.Module):
    """A 3×3 convolution of one channel to four on 8×8 pixels, then 4 → 2: small enough to count by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3, padding=1)
        self.linear = nn.Linear(4, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.linear(self.convolution(images.flatten(0, 1)).mean((2, 3)))


def test_operations_are_those_counted_by_hand():
    # 8·8 places × 4 kernels × 9 products, and 4·2 products; each product is followed by an addition.
    assert cost.flops_per_sample(_Pooled(), 1, 8, 8) == 2 * (8 * 8 * 4 * 9 + 4 * 2)


class _Attending(nn.Module):
    """Self-attention of 6 tokens of 8 channels, in one of torch's forms."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = images.reshape(1, 6, 8)
        return self.module(tokens, tokens, tokens, need_weights=False)[0]


@pytest.mark.parametrize("trained", [True, False])
def test_fused_attention_is_counted_too(trained):
    # Of 6 tokens: 4 projections of 8×8, and 2 products of 6×6 with 8 channels.
    attention = nn.MultiheadAttention(8, 2, batch_first=True).train(trained)
    assert cost.flops_per_sample(_Attending(attention), 1, 6, 8) == 2 * (4 * 6 * 8 * 8 + 2 * 6 * 6 * 8)
    assert torch.backends.mha.get_fastpath_enabled()


def test_operations_that_are_not_counted_are_unknown_and_not_zero():
    assert cost.flops_per_sample(nn.Flatten(), 1, 8, 8) is None


@pytest.mark.parametrize(
    ("passes", "timed", "rate"),
    [
        ([9.0, 0.25, 0.5, 0.25, 7.0], 3, 40.0),  # no warm-up; one slow pass does not matter; no more after a second
        ([9.0, 2.0, 7.0], 1, 5.0),
        ([9.0, *[0.03125] * 30], 20, 320.0),
    ],
)
def test_a_rate_is_images_over_the_median_pass(monkeypatch, passes, timed, rate):
    clock, left = [0.0], iter(passes)
    monkeypatch.setattr(cost.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(cost, "_TIMED_PASSES", PASSES)

    def work():
        clock[0] += next(left)

    assert cost.timed_rate(work, 10, choose_compute("cpu", "float32")) == rate
    assert len(list(left)) == len(passes) - 1 - timed


def test_a_cpu_reports_its_peak_memory_and_no_energy():
    compute = choose_compute("cpu", "float32")
    start = cost.begin(compute)
    spent = cost.total(start, SIZE, [_epoch(1.0)], compute, resumed=False)
    if spent.peak_memory is None:
        pytest.skip("this system does not report a process's peak memory")
    with mmap.mmap(-1, 2**26) as kept:  # not malloc's: what that frees may stay with the process
        kept.write(bytes(2**26))
        more = cost.total(start, SIZE, [_epoch(1.0)], compute, resumed=False)
    assert more.peak_memory - spent.peak_memory > 0.9 * 2**26
    compute.forget_peak()
    assert compute.peak_memory() < more.peak_memory - 0.9 * 2**26, "the peak was not forgotten"
    assert spent.energy is None


def test_energy_is_the_difference_of_the_meters_and_unknown_for_a_resumed_run(monkeypatch):
    readings = iter([100.0, 175.0, 300.0])
    monkeypatch.setattr(Compute, "energy", lambda self: next(readings))
    compute = choose_compute("cpu", "float32")
    start = cost.begin(compute)
    whole = cost.total(start, SIZE, [_epoch(rate) for rate in (5.0, 50.0, 7.0)], compute, resumed=False)
    part = cost.total(start, SIZE, [_epoch(5.0)], compute, resumed=True)
    assert (whole.energy, whole.train_rate, whole.flops) == (75.0, 7.0, 7)
    assert whole.seconds is not None
    assert (part.energy, part.seconds) == (None, None)
