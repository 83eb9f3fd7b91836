"""Defines the interface of an explainer, which makes heat maps for the images of a classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from birads_zoo.interfaces.options import NO_OPTIONS, NoOptions, Options

if TYPE_CHECKING:
    from torch import Tensor, nn


class Classifier(Protocol):
    """The part of a network that an explainer may use. The engine's classifier is a torch module.

    It is in evaluation mode when the engine calls an explainer. Pictures pass through `features` and then through
    `class_scores`: N×V×1×H×W → N×V×D×h×w → N×K, for N samples of V pictures, D channels and K classes.
    """

    @property
    def backbone(self) -> nn.Module:
        """The network up to the feature map, for explainers that use its layers."""

    def features(self, images: Tensor) -> Tensor:
        """Return the feature maps N×V×D×h×w of images N×V×1×H×W in [0, 1]."""

    def class_scores(self, features: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the scores N×K of feature maps N×V×D×h×w. An explainer shows what raises the score of its target.

        The scores are the logarithms of the probabilities, up to a constant for each sample: in a softmax network the
        logits. `present` is N×V bool, which pictures are present; by default all are.
        """

    def over_pictures(self, maps: Tensor, height: int, width: int) -> Tensor:
        """Enlarge N×C×h×w values at the feature map's places to N×C×height×width values at the picture's pixels."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield all parameters, as `torch.nn.Module.parameters` does."""


class Explainer(Protocol):
    """Makes heat maps for images of one classifier.

    A map must depend only on its own sample, not on the other samples of its batch. The engine restores the
    classifier's modes, gradients and `requires_grad`. An explainer must remove its own hooks.
    """

    def __call__(self, images: Tensor, targets: Tensor, present: Tensor) -> Tensor:
        """N×V×1×H×W images in [0, 1] and N class numbers → N×V×H×W heat maps in [0, 1].

        `present` is N×V bool: which pictures are present, as in `Classifier.class_scores`. Maps of absent pictures are
        ignored.
        """


@dataclass(frozen=True, kw_only=True)
class ExplainerContext:
    """The classifier that is explained, and the explainer's own options."""

    classifier: Classifier
    options: Any = NO_OPTIONS


@dataclass(frozen=True, kw_only=True)
class ExplainerSpec:
    """An explainer: `build(context)` returns a callable that makes heat maps.

    Random numbers must come from torch's CPU generator, which the engine seeds before every batch, so that all devices
    give the same maps. They must be the same for all images of a batch, so that an image's map does not depend on its
    position. If the images require a gradient, the features have one down to the images, even in a classifier whose
    backbone is frozen.
    """

    name: str
    summary: str
    build: Callable[[ExplainerContext], Explainer]
    options: type[Options] = NoOptions
