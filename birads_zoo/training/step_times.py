"""Finds the fastest precision of a network by a few steps of training, where a device's precisions differ by network.

On a CPU that computes in bfloat16 natively, a network of ordinary convolutions is fastest in bfloat16, but one of
depthwise convolutions may be slower in it than in float32. What is found is kept in the cache for the same network,
pictures, hardware and versions.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import msgspec
import torch

from birads_zoo.data.index.view_names import count_views
from birads_zoo.devices import Compute, precisions, with_precision
from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.files import StorageError, documents, lock, make_folder
from birads_zoo.model.build import build_classifier
from birads_zoo.model.classifier import Classifier
from birads_zoo.progress import Screen
from birads_zoo.randomness import kept_state, torch_generator
from birads_zoo.recipe import Recipe, to_dict

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host

_LARGEST_BATCH = 16  # samples, so that these steps stay short
_STEPS = 3


class StepTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The seconds of a step of training in each precision, the shortest of three."""

    FORMAT: ClassVar[int] = 1

    seconds: dict[str, float]

    @property
    def fastest(self) -> str:
        """The name of the precision with the shortest step."""
        return min(self.seconds, key=self.seconds.__getitem__)


def choose_precision(
    recipe: Recipe, host: Host, classes: int, compute: Compute, cache: Path, screen: Screen
) -> Compute:
    """Return the device with the precision in which it trains the classifier of `recipe` fastest.

    `recipe` has its ablations applied, and leaves the precision to birads-zoo. Where the device has one precision that
    is always the fastest, nothing is computed. Nothing is downloaded, and no random numbers are drawn from the global
    generators.
    """
    names = precisions(compute.device)
    if len(names) == 1:
        return with_precision(compute.device, names[0])
    path = cache / "precisions" / f"{_key(recipe, compute)}.json"
    with _alone(path):
        times = _load(path)
        if times is None:
            with kept_state(), warnings.catch_warnings():
                warnings.simplefilter("ignore", BiradsZooWarning)  # about frozen random weights: they are not used
                classifier = compute.place(build_classifier(recipe.replace({"model.pretrained": False}), host, classes))
            times = StepTimes(seconds=_time(classifier, recipe, compute, names))
            with contextlib.suppress(StorageError, OSError):  # with a full disk the next run takes these steps again
                documents.write(path, times)
    chosen = times.fastest
    others = [f"{1000 * times.seconds[name]:.0f} ms in {name}" for name in names if name != chosen]
    screen.say(f"precision {chosen}: a step takes {1000 * times.seconds[chosen]:.0f} ms ({', '.join(others)})")
    return with_precision(compute.device, chosen)


def read_step_times(path: Path) -> StepTimes:
    """Return the times in a file of the cache; raise `UserError` if the file is not what was written."""
    return documents.read(path, StepTimes, "the next run takes these steps again")


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let no other process take the steps for the same file: the runs of a study must not choose differently."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(StorageError):  # where nothing can be written, nothing is kept either
            file = make_folder(path.parent) / f"{path.stem}.lock"
            stack.enter_context(lock(file, "waiting for another process that times the same network", wait=True))
        yield


def _load(path: Path) -> StepTimes | None:
    if not path.exists():
        return None
    try:
        times = read_step_times(path)
    except UserError:
        return None
    with contextlib.suppress(OSError):  # on a read-only disk it is only not known to be used
        path.touch()
    return times


def _key(recipe: Recipe, compute: Compute) -> str:
    """Return what the duration of a step depends on, as 40 hexadecimal digits."""
    written = to_dict(recipe)
    about = compute.describe() | {"precision": ""}
    settings = (
        torch.__version__,
        about,
        recipe.ablations,
        written.get("model"),
        written.get("image"),
        recipe.dataset.views,
        min(recipe.training.batch_size, _LARGEST_BATCH),
    )
    return hashlib.sha256(repr(settings).encode()).hexdigest()[:40]


def _time(classifier: Classifier, recipe: Recipe, compute: Compute, names: tuple[str, ...]) -> dict[str, float]:
    """Time steps in all precisions in turn, so that a change of the machine's speed affects all."""
    samples, views = min(recipe.training.batch_size, _LARGEST_BATCH), count_views(recipe.dataset.views)
    shape = (samples, views, 1, recipe.image.height, recipe.image.width)
    images = torch.rand(shape, generator=torch_generator(recipe.seed, "step times")).to(compute.device)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    with kept_state():  # dropout
        for _ in range(1 + _STEPS):
            for name, taken in seconds.items():
                taken.append(_step(classifier.train(), images, with_precision(compute.device, name)))
    return {name: min(taken[1:]) for name, taken in seconds.items()}  # the first chooses kernels and gets memory


def _step(classifier: Classifier, images: torch.Tensor, compute: Compute) -> float:
    started = time.perf_counter()
    with compute.precision():
        logits = classifier(images)
    logits.float().square().mean().backward()
    classifier.zero_grad()
    compute.wait()
    return time.perf_counter() - started
