"""timm's networks as feature maps, with timm's names for every weight.

A network gets a subclass of its class whose `forward` ends at the feature map. Nothing is renamed, and timm's own
functions for the network, such as those that adapt weights, still work.
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
    """How a network gives a feature map N×D×h×w.

    With an `axis`, by `forward_features`, whose axis of that number is D. Otherwise by `forward_intermediates`, which
    folds tokens into a grid and leaves out prefix tokens: `index` is the number of the intermediate, `None` the last,
    and with `norm` the network's last norm follows.
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
    """A network's settings for pictures of the size `picture`.

    The network is built for pictures of `size` with `channels`. A smaller picture is padded at the bottom and at the
    right, and a grey picture is repeated over the channels. A `fixed` network takes no other size. `places` are the
    sides of a place in pixels after each stage, ascending. `traced` is the trace of a picture of `size` on `device`.
    """

    picture: Size
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
        return self.size[0] - self.picture[0], self.size[1] - self.picture[1]


def as_feature_map(network: nn.Module, fit: Fit) -> FeatureMap:
    """Turn `network`, a timm network that was built as in `fit`, into a feature map, in place."""
    kind: Any = type(network)
    network.__class__ = _with_feature_map(kind)
    assert isinstance(network, FeatureMap)
    network._fit = fit
    return network


@functools.cache
def _with_feature_map(kind: type) -> type[nn.Module]:
    return type(f"{kind.__name__}Map", (FeatureMap, kind), {})


class FeatureMap(nn.Module):
    """The first base of a timm network's subclass: N×C×H×W → N×D×h×w."""

    _fit: Fit

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map of N×C×H×W images; further channels of the network get the same picture."""
        fit = self._fit
        padded = continued(images, fit.margin).expand(-1, fit.channels, -1, -1)
        return within(fit.reading(self, padded), images, fit.margin)

    def place(self) -> Size | None:
        """Return the height and width of a place of the map in pixels, where other sizes cannot show it."""
        if not self._fit.fixed:
            return None
        sides = list(zip(self._fit.size, self._fit.traced.shape[-2:], strict=True))
        known = [side for side in self._fit.places if all(-(-pixels // side) == places for pixels, places in sides)]
        return (known[0], known[0]) if known else None

    def stage_names(self) -> tuple[str, ...]:
        """Return the parts with weights from input to output, as fine as in timm's `feature_info`."""
        containers = {above for module in self._ends() for above in _above(module)}
        order: dict[str, int] = {}
        for place, name in enumerate(self._fit.traced.calls):
            for part in (name, *_above(name)):
                order.setdefault(part, place)
        return tuple(sorted(_parts(self, "", containers), key=lambda name: order.get(name, -1)))

    def end_after(self, stage: str) -> None:
        """End the network after `stage`, which is named in timm's `feature_info` or is the last of all.

        Raises:
            ValueError: when timm gives no feature map there.

        """
        if stage == self.stage_names()[-1]:
            return
        fit = self._fit
        self._fit = replace(fit, reading=Reading(index=self._ends().index(stage)))
        training = self.training
        traced = trace(self.eval(), fit.channels, *fit.picture, fit.device)
        self.train(training)
        if stage not in traced.calls:
            self._fit = fit
            raise ValueError(f"its feature map of {stage!r} does not come from there")
        self._fit = replace(self._fit, traced=traced)
        leave_out_unused(self, traced)

    def adapt_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return timm's weights for another size or other channels in the form that this network needs, as timm does.

        The architecture's `checkpoint_filter_fn` resizes position embeddings and renames old keys; the first
        convolution's weights are summed over its channels.
        """
        network: Any = self
        settings: Mapping[str, Any] = network.pretrained_cfg
        architecture = sys.modules[timm.models.model_entrypoint(settings["architecture"]).__module__]
        convert = getattr(architecture, "checkpoint_filter_fn", None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch's, about timm's indexing
            adapted: dict[str, Tensor] = dict(convert(dict(state), self) if convert else state)
        first = settings.get("first_conv") or ()
        for name in (first,) if isinstance(first, str) else first:
            weight, own = adapted.get(f"{name}.weight"), network.get_submodule(name).weight
            if weight is not None and weight.shape[1] != own.shape[1]:
                adapted[f"{name}.weight"] = adapt_input_conv(self._fit.channels, weight)
        return adapted

    def _ends(self) -> list[str]:
        return [entry["module"] for entry in _feature_info(self)]


def place_sizes(network: nn.Module) -> tuple[int, ...]:
    """Return the side of a place in pixels after each stage, ascending; (1,) where timm does not state it."""
    return tuple(sorted({max(1, round(entry["reduction"])) for entry in _feature_info(network)})) or (1,)


def _feature_info(network: Any) -> Sequence[Mapping[str, Any]]:
    info: Any = getattr(network, "feature_info", ())
    entries: Sequence[Mapping[str, Any]] = getattr(info, "info", info)
    return entries


def _parts(module: nn.Module, path: str, containers: set[str]) -> Iterator[str]:
    """Yield the parts of `module`: its parameters, then its children with weights; for a container, the parts in it."""
    prefix = f"{path}." if path else ""
    yield from (f"{prefix}{name}" for name, value in module.named_parameters(recurse=False) if value.requires_grad)
    for name, child in module.named_children():
        if f"{prefix}{name}" in containers:
            yield from _parts(child, f"{prefix}{name}", containers)
        elif any(value.requires_grad for value in child.parameters()):
            yield f"{prefix}{name}"


def _above(path: str) -> Iterator[str]:
    """Yield the modules that contain the module at `path`, the innermost first."""
    while "." in path:
        path = path.rpartition(".")[0]
        yield path
