import pytest
import torch

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
