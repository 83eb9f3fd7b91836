import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from birads_zoo.data.batches import Batch, Batches, plan_epoch, plan_sizes
from birads_zoo.data.index.views import Samples

CPU = torch.device("cpu")


def _pixels(dtype: type = np.uint8, count: int = 20) -> NDArray[np.generic]:
    top = np.iinfo(dtype).max
    return np.random.default_rng(0).integers(0, top + 1, (count, 6, 5)).astype(dtype)


def _generator() -> np.random.Generator:
    return np.random.default_rng(7)


def _parts(batch: Batch) -> tuple[torch.Tensor, ...]:
    return batch.images, batch.present, batch.targets, batch.positions


def _alone(count: int) -> Samples:
    return Samples.alone(np.arange(count))


@given(count=st.integers(0, 200), batch_size=st.integers(1, 50))
def test_sizes_add_up_and_no_training_batch_is_single(count: int, batch_size: int) -> None:
    sizes = plan_sizes(count, batch_size)
    assert sum(sizes) == count
    assert all(size in (batch_size, batch_size + 1) for size in sizes[:-1])
    if batch_size > 1 and count > 1:
        assert min(sizes) > 1


def test_a_single_last_sample_joins_the_batch_before_except_in_prediction() -> None:
    labels = np.zeros(9, np.int64)
    assert [len(rows) for rows in plan_epoch(labels, 4, "natural", _generator())] == [4, 5]
    assert [len(rows) for rows in plan_epoch(labels, 4, "natural", None)] == [4, 4, 1]


def test_natural_is_a_permutation_that_differs_by_generator() -> None:
    labels = np.arange(50) % 3
    generator = _generator()
    first, second = (np.concatenate(plan_epoch(labels, 8, "natural", generator)) for _ in range(2))
    np.testing.assert_array_equal(np.sort(first), np.arange(50))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, np.concatenate(plan_epoch(labels, 8, "natural", _generator())))
    np.testing.assert_array_equal(np.concatenate(plan_epoch(labels, 8, "balanced", None)), np.arange(50))


@pytest.mark.parametrize(
    ("sampler", "shares"), [("balanced", (1 / 3, 1 / 3, 1 / 3)), ("sqrt-balanced", (0.6, 0.3, 0.1))]
)
def test_samplers_draw_classes_as_promised(sampler: str, shares: tuple[float, ...]) -> None:
    labels = np.repeat([0, 2, 5], (3600, 900, 100))  # roots 60, 30, 10; class numbers may have gaps
    drawn = np.concatenate(plan_epoch(labels, 32, sampler, _generator()))
    assert len(drawn) == len(labels)
    for label, share in zip((0, 2, 5), shares, strict=True):
        assert (labels[drawn] == label).mean() == pytest.approx(share, abs=0.025)
    rare = np.bincount(drawn, minlength=4600)[4500:]
    assert rare.max() < 5 * max(rare.mean(), 1)  # the class's samples share its draws


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
@pytest.mark.parametrize("limit", [2**20, 0])
def test_images_are_the_stored_pixels_in_unit_range(dtype: type, top: int, limit: int) -> None:
    pixels = _pixels(dtype)
    pictures, present = np.array([[3, 4], [0, 19], [7, 7]]), np.array([[True, True], [True, True], [True, False]])
    samples, labels = Samples(pictures=pictures, present=present, names=("own", "other_view")), np.array([1, 0, 1])
    batches = Batches(pixels, samples, labels, 2, CPU, memory_limit=limit)
    assert batches.resident == (limit > 0)
    result = list(batches.epoch(None))
    images = torch.cat([batch.images for batch in result])
    assert (images.shape, images.dtype) == ((3, 2, 1, 6, 5), torch.float32)
    np.testing.assert_allclose(images[:, :, 0].numpy(), pixels[pictures] / top, atol=1e-7)
    assert torch.cat([batch.present for batch in result]).tolist() == present.tolist()
    assert torch.cat([batch.targets for batch in result]).tolist() == [1, 0, 1]
    assert torch.cat([batch.positions for batch in result]).tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("sampler", ["natural", "balanced", "sqrt-balanced"])
def test_streamed_and_resident_batches_are_equal(dtype: type, sampler: str) -> None:
    pixels, samples = _pixels(dtype), _alone(19)
    labels = np.arange(19) % 4
    resident = Batches(pixels, samples, labels, 2, CPU, sampler, memory_limit=19 * 30 * pixels.itemsize)
    streaming = Batches(pixels, samples, labels, 2, CPU, sampler, memory_limit=18 * 30 * pixels.itemsize)
    assert resident.resident
    assert not streaming.resident
    assert not Batches(pixels, samples, labels, 2, CPU).resident, "on a CPU pictures are read from the store itself"
    pairs = list(zip(resident.epoch(_generator()), streaming.epoch(_generator()), strict=True))
    assert len(pairs) == len(resident) == 9
    for first, second in pairs:
        for left, right in zip(_parts(first), _parts(second), strict=True):
            assert torch.equal(left, right)


def test_a_read_only_memory_map_is_read_in_place(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", _pixels())
    pixels = np.load(tmp_path / "a.npy", mmap_mode="r")
    batch = next(Batches(pixels, _alone(20), np.zeros(20, np.int64), 20, CPU).epoch(None))
    np.testing.assert_allclose(batch.images[:, 0, 0].numpy(), _pixels() / 255, atol=1e-7)
    batch.images.zero_()  # a batch is its own copy
    np.testing.assert_array_equal(pixels, _pixels())


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("batches")]


def test_the_thread_ends_when_the_consumer_stops_early() -> None:
    batches = Batches(_pixels(), _alone(20), np.zeros(20, np.int64), 1, CPU, memory_limit=0)
    epoch = batches.epoch(_generator())
    next(epoch)
    assert _threads()
    epoch.close()
    assert not _threads()
    assert len(list(batches.epoch(_generator()))) == 20
    assert not _threads()


def test_the_threads_exceptions_are_raised() -> None:
    samples = _alone(20)
    batches = Batches(_pixels(count=10), samples, np.zeros(20, np.int64), 4, CPU, memory_limit=0)
    with pytest.raises(IndexError, match="out of bounds"):
        list(batches.epoch(None))
    assert not _threads()


def test_no_samples_are_no_batches() -> None:
    batches = Batches(_pixels(), _alone(0), np.zeros(0, np.int64), 4, CPU)
    assert len(batches) == 0
    assert list(batches.epoch(None)) == list(batches.epoch(_generator())) == []


def test_wrong_numbers_of_labels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"4 samples need as many labels, not \(3,\)"):
        Batches(_pixels(), _alone(4), np.zeros(3, np.int64), 4, CPU)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cuda_and_cpu_give_equal_batches_and_cuda_never_waits(dtype: type) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    pixels, samples, labels = _pixels(dtype), _alone(20), np.arange(20) % 3
    device = torch.device("cuda")
    expected = list(Batches(pixels, samples, labels, 4, CPU, "balanced").epoch(_generator()))
    for limit in (None, 0):
        batches = Batches(pixels, samples, labels, 4, device, "balanced", memory_limit=limit)
        assert batches.resident == (limit is None)
        epoch = batches.epoch(_generator())
        result = [next(epoch)]  # the order is moved here
        if batches.resident:
            torch.cuda.set_sync_debug_mode("error")
        try:
            result += epoch
        finally:
            torch.cuda.set_sync_debug_mode("default")
        for first, second in zip(expected, result, strict=True):
            for left, right in zip(_parts(first), _parts(second), strict=True):
                assert right.device.type == "cuda"
                # CUDA divides by a constant through its reciprocal, which may round the last bit otherwise.
                torch.testing.assert_close(right.cpu(), left, rtol=0, atol=1e-6)
