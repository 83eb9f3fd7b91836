"""timm's networks as feature maps, under timm's names for every weight.

A network keeps its class and gets one more, in front, whose `forward` ends at the feature map; so nothing is renamed,
and whatever timm does with the network, such as adapting weights, works as ever.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import timm
from timm.models import adapt_input_conv
from torch import Tensor, nn

from birads_zoo_plugins.backbones._sizes import Size, continued, within
from birads_zoo_plugins.backbones._traces import Trace, leave_out_unused, trace


@dataclass(frozen=True)
class Reading:
    """How a feature map N×D×h×w is had of a network.

    By `forward_features`, where D lies in `axis`; without an axis by `forward_intermediates`, which folds tokens into a
    grid and leaves prefix tokens out: `index` is that of the intermediate, `None` the last, and `norm` asks for the
    network's last norm after it.
    """

    axis: int | None = None
    index: int | None = None
    norm: bool = False

    def __call__(self, network: Any, images: Tensor) -> Tensor:
        """Return the feature map of N×C×H×W images."""
        if self.axis is not None:
            features: Tensor = network.forward_features(images)
            return features.movedim(self.axis, 1)
        maps: Sequence[Tensor] = network.forward_intermediates(
            images,
            indices=1 if self.index is None else [self.index],
            norm=self.norm,
            stop_early=True,
            output_fmt="NCHW",
            intermediates_only=True,
        )
        return maps[-1]


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A network's settings for pictures of one size, `asked`.

    It is built for pictures of `size`, with `channels`; a smaller one is continued at the bottom and at the right, and
    a grey one is repeated over more channels. A `fixed` one takes no other size. `places` are how many pixels a place
    is high and wide after each stage, rising. `traced` is what it does with a picture of `size`, seen on `device`.
    """

    asked: Size
    size: Size
    channels: int
    fixed: bool
    places: tuple[int, ...]
    reading: Reading
    device: str
    traced: Trace

    @property
    def margin(self) -> Size:
        """How many pixels are added at the bottom and at the right."""
        return self.size[0] - self.asked[0], self.size[1] - self.asked[1]


def as_feature_map(network: nn.Module, fit: Fit) -> FeatureMap:
    """Make `network`, one of timm's that was built as `fit` says, a feature map; it is changed itself."""
    kind: Any = type(network)
    network.__class__ = _with_feature_map(kind)
    assert isinstance(network, FeatureMap)
    network._fit = fit
    return network


@functools.cache
def _with_feature_map(kind: type) -> type[nn.Module]:
    return type(f"{kind.__name__}Map", (FeatureMap, kind), {})


class FeatureMap(nn.Module):
    """What is put in front of a timm network's class: N×C×H×W → N×D×h×w."""

    _fit: Fit

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map of N×C×H×W images; further channels of a network get the same picture."""
        fit = self._fit
        whole = continued(images, fit.margin).expand(-1, fit.channels, -1, -1)
        return within(fit.reading(self, whole), images, fit.margin)

    def place(self) -> Size | None:
        """Return how many pixels of the picture a place of the map is high and wide, if other sizes would not tell."""
        if not self._fit.fixed:
            return None
        sides = list(zip(self._fit.size, self._fit.traced.shape[-2:], strict=True))
        known = [side for side in self._fit.places if all(-(-whole // side) == places for whole, places in sides)]
        return (known[0], known[0]) if known else None

    def stage_names(self) -> tuple[str, ...]:
        """Return the parts with weights from input to output, as fine as timm's `feature_info` has them."""
        containers = {above for module in self._ends() for above in _above(module)}
        order: dict[str, int] = {}
        for place, name in enumerate(self._fit.traced.calls):
            for part in (name, *_above(name)):
                order.setdefault(part, place)
        return tuple(sorted(_parts(self, "", containers), key=lambda name: order.get(name, -1)))

    def end_after(self, stage: str) -> None:
        """Leave out what comes after `stage`, one that timm's `feature_info` names, or the last of all.

        Raises:
            ValueError: when timm gives no feature map there.

        """
        if stage == self.stage_names()[-1]:
            return
        fit = self._fit
        self._fit = replace(fit, reading=Reading(index=self._ends().index(stage)))
        training = self.training
        traced = trace(self.eval(), fit.channels, *fit.asked, fit.device)
        self.train(training)
        if stage not in traced.calls:
            self._fit = fit
            raise ValueError(f"its feature map of {stage!r} does not come from there")
        self._fit = replace(self._fit, traced=traced)
        leave_out_unused(self, traced)

    def adapt_weights(self, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return timm's weights for another size or other channels as this network needs them, as timm does it.

        By the architecture's own `checkpoint_filter_fn`, which enlarges position embeddings and knows old names, and by
        adding up the first convolution's weights over its channels.
        """
        network: Any = self
        settings: Mapping[str, Any] = network.pretrained_cfg
        architecture = sys.modules[timm.models.model_entrypoint(settings["architecture"]).__module__]
        convert = getattr(architecture, "checkpoint_filter_fn", None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch's, of how timm indexes
            adapted: dict[str, Tensor] = dict(convert(dict(found), self) if convert else found)
        first = settings.get("first_conv") or ()
        for name in (first,) if isinstance(first, str) else first:
            weight, own = adapted.get(f"{name}.weight"), network.get_submodule(name).weight
            if weight is not None and weight.shape[1] != own.shape[1]:
                adapted[f"{name}.weight"] = adapt_input_conv(self._fit.channels, weight)
        return adapted

    def _ends(self) -> list[str]:
        return [entry["module"] for entry in _feature_info(self)]


def place_sizes(network: nn.Module) -> tuple[int, ...]:
    """Return how many pixels a place is high and wide after each stage, rising; (1,) where timm does not say it."""
    return tuple(sorted({max(1, round(entry["reduction"])) for entry in _feature_info(network)})) or (1,)


def _feature_info(network: Any) -> Sequence[Mapping[str, Any]]:
    info: Any = getattr(network, "feature_info", ())
    entries: Sequence[Mapping[str, Any]] = getattr(info, "info", info)
    return entries


def _parts(module: nn.Module, path: str, containers: set[str]) -> Iterator[str]:
    """Yield what lies in `module`: parameters of its own, then children with weights; of a container what is in it."""
    prefix = f"{path}." if path else ""
    yield from (f"{prefix}{name}" for name, own in module.named_parameters(recurse=False) if own.requires_grad)
    for name, child in module.named_children():
        if f"{prefix}{name}" in containers:
            yield from _parts(child, f"{prefix}{name}", containers)
        elif any(own.requires_grad for own in child.parameters()):
            yield f"{prefix}{name}"


def _above(path: str) -> Iterator[str]:
    """Yield the modules in which the one at `path` lies, the innermost first."""
    while "." in path:
        path = path.rpartition(".")[0]
        yield path
