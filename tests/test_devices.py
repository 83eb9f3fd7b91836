import pytest
import torch
from torch import nn

from birads_zoo.devices import choose_compute
from birads_zoo.errors import UserError


def test_automatic_precision_on_a_cpu_is_bfloat16_only_where_the_chip_has_it(monkeypatch):
    for native in (True, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda native=native: {"avx512_bf16": native}, raising=False)
        assert choose_compute("cpu", "auto").autocast == (torch.bfloat16 if native else None)


def test_a_named_precision_is_taken():
    assert choose_compute("cpu", "float32").autocast is None
    compute = choose_compute("cpu", "bfloat16")
    with compute.precision():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    assert compute.describe()["precision"] == "bfloat16"


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("gpu", "unknown device 'gpu'; use auto, cpu, cuda or cuda:N"),
        ("cpu:1", "unknown device 'cpu:1'; use auto, cpu, cuda or cuda:N"),
        ("meta", "device 'meta' is not supported"),
        ("cuda:99", "this machine has .* CUDA devices; use --device cpu"),
    ],
)
def test_a_device_that_is_not_there_is_one_sentence(device, sentence):
    with pytest.raises(UserError, match=sentence):
        choose_compute(device, "auto")


@pytest.fixture
def native(monkeypatch):
    """A CPU that computes in bfloat16 natively."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)


def test_automatic_precision_stays_that_of_an_earlier_process_if_the_device_has_it(native):
    assert choose_compute("cpu", "auto", "float32").precision_name == "float32"
    assert choose_compute("cpu", "auto", "bfloat16-except-depthwise").precision_name == "bfloat16-except-depthwise"
    assert choose_compute("cpu", "auto", "float16").precision_name == "bfloat16", "a GPU's is not for a CPU"
    assert choose_compute("cpu", "bfloat16", "float32").precision_name == "bfloat16", "a named one is taken"


@pytest.mark.parametrize(
    ("convolution", "dtype"),
    [
        (nn.Conv2d(4, 4, 5, groups=4), torch.float32),
        (nn.Conv2d(4, 4, 3, stride=2, groups=4, bias=False), torch.float32),
        (nn.Conv2d(4, 4, 3, groups=4), torch.bfloat16),
        (nn.Conv2d(4, 4, 3, stride=2, groups=2), torch.bfloat16),
        (nn.Conv2d(4, 8, 5), torch.bfloat16),
    ],
    ids=["depthwise 5x5", "depthwise, stride 2", "depthwise 3x3", "grouped", "ordinary"],
)
def test_depthwise_convolutions_that_are_slow_in_bfloat16_stay_in_float32(convolution, dtype):
    images = torch.rand(2, 4, 9, 9, generator=torch.Generator().manual_seed(0))
    with choose_compute("cpu", "bfloat16-except-depthwise").precision():
        result = convolution(images)
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    assert result.dtype == dtype
    if dtype == torch.float32:
        assert torch.equal(result, convolution(images))
