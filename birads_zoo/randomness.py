"""Makes all random generators, each from the recipe's seed and the names of its use."""

import hashlib
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch


def derive(seed: int, *names: str | int) -> int:
    """Derive a 63-bit seed from `seed` and a path of names, such as ("fold", 2, "epoch", 7).

    Independent uses get independent streams, and a stream does not depend on earlier draws. A resumed run can
    therefore repeat an uninterrupted one exactly.
    """
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return a NumPy generator for one use."""
    return np.random.default_rng(derive(seed, *names))


def torch_generator(seed: int, *names: str | int) -> torch.Generator:
    """Return a torch CPU generator for one use."""
    return torch.Generator().manual_seed(derive(seed, *names))


def sklearn_state(seed: int, *names: str | int) -> int:
    """Return a `random_state` for scikit-learn, which takes 32 bits."""
    return derive(seed, *names) % 2**32


def seed_libraries(seed: int, *names: str | int) -> None:
    """Seed the global generators (all devices) that dropout, Kornia and weight initialisation use."""
    value = derive(seed, *names)
    random.seed(value)
    torch.manual_seed(value)


def library_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Return the state of the global generators of Python, NumPy and torch (of the CPU and of `device`) as tensors."""
    _, python, _ = random.getstate()  # the third value is only used by Gaussian numbers in pairs
    _, keys, position, *_ = np.random.get_state(legacy=True)
    state = {
        "python": torch.tensor(python, dtype=torch.int64),
        "numpy": torch.tensor([*keys, position], dtype=torch.int64),
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        state["device"] = torch.cuda.get_rng_state(device)
    return state


def restore_library_state(state: Mapping[str, torch.Tensor], device: torch.device) -> None:
    """Restore what `library_state` returned."""
    random.setstate((3, tuple(state["python"].tolist()), None))
    *keys, position = state["numpy"].tolist()
    np.random.set_state(("MT19937", np.array(keys, dtype=np.uint32), position, 0, 0.0))
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and "device" in state:
        torch.cuda.set_rng_state(state["device"], device)


@contextmanager
def kept_state() -> Iterator[None]:
    """Restore the state of the global generators of Python, NumPy and torch (all devices) when the block ends."""
    python, numpy = random.getstate(), np.random.get_state()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
