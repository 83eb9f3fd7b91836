"""The training loop never waits for the device: no value is read between the first and the last step of an epoch."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from birads_zoo.data.batches import Batches
from birads_zoo.data.index.views import Samples
from birads_zoo.devices import choose_compute
from birads_zoo.interfaces import AugmentationContext
from birads_zoo.plugin.host import load_host
from birads_zoo.training import loop
from birads_zoo.training.loop import train

READS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal", "aten::masked_select"}


class CountReads(TorchDispatchMode):
    """Counts the operations that make the host wait for the device."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function._schema.name in READS:
            self.seen.append(function._schema.name)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("augmentation", ["none", "paper", "mammo"])
def test_no_step_reads_a_value_from_the_device(make_fit, ignore, monkeypatch, augmentation):
    fit = make_fit(validation=False, ema=0.9, clip_norm=1.0, accumulate=2, epochs=1)
    pixels = np.random.default_rng(0).integers(0, 256, (24, 16, 16), dtype=np.uint8)
    batches = Batches(pixels, Samples.alone(np.arange(24)), np.arange(24) % 2, 4, fit.compute.device)
    spec = load_host().augmentation(augmentation)
    augment = spec.build(AugmentationContext(height=16, width=16, options=spec.options()))
    object.__setattr__(fit, "batches", batches)
    object.__setattr__(fit, "augment", augment)
    counted = CountReads()
    one_epoch = loop._one_epoch

    def watched(*arguments):
        with counted:
            return one_epoch(*arguments)

    monkeypatch.setattr(loop, "_one_epoch", watched)
    train(fit, ignore.step, ignore.epoch)
    assert counted.seen == []


def test_the_counter_sees_a_read():
    with CountReads() as counted:
        float(torch.ones(3).sum())
    assert counted.seen == ["aten::_local_scalar_dense"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("augmentation", ["none", "paper", "mammo"])
def test_cuda_itself_reports_no_synchronisation(make_fit, ignore, monkeypatch, augmentation):
    fit = make_fit(validation=False, ema=0.9, clip_norm=1.0, accumulate=2, epochs=2)
    compute = choose_compute("cuda", "auto")
    pixels = np.random.default_rng(0).integers(0, 256, (24, 16, 16), dtype=np.uint8)
    batches = Batches(pixels, Samples.alone(np.arange(24)), np.arange(24) % 2, 4, compute.device)
    spec = load_host().augmentation(augmentation)
    augment = spec.build(AugmentationContext(height=16, width=16, options=spec.options()))
    for name, value in (("compute", compute), ("batches", batches), ("augment", augment.to(compute.device))):
        object.__setattr__(fit, name, value)
    fit.classifier.to(compute.device, memory_format=torch.channels_last)
    fit.criterion.to(compute.device)

    def strict_step(images):
        torch.cuda.set_sync_debug_mode("error")  # from the first step's end: the epoch's order is copied before it

    def relaxed_epoch(record):
        torch.cuda.set_sync_debug_mode("default")

    one_epoch = loop._one_epoch

    def watched(*arguments):
        losses = torch.Tensor.cpu
        monkeypatch.setattr(
            torch.Tensor, "cpu", lambda tensor: (torch.cuda.set_sync_debug_mode("default"), losses(tensor))[1]
        )
        try:
            return one_epoch(*arguments)
        finally:
            monkeypatch.setattr(torch.Tensor, "cpu", losses)

    monkeypatch.setattr(loop, "_one_epoch", watched)
    try:
        history = train(fit, strict_step, relaxed_epoch)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(history) == 2
