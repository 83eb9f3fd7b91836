"""An explainer: from images of one classifier to heat maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from birads_zoo.interfaces.options import NO_OPTIONS, NoOptions, Options

if TYPE_CHECKING:
    from torch import Tensor, nn


class Classifier(Protocol):
    """What an explainer may use of the network that it explains; the engine's is a torch module.

    It is in evaluation mode whenever the engine calls an explainer. Pictures go through `features`, and from there
    through `class_scores`: N×V×1×H×W → N×V×D×h×w → N×K, for N samples of V pictures, D channels and K classes.
    """

    @property
    def backbone(self) -> nn.Module:
        """The network up to the feature map, for explainers that look at its layers."""

    def features(self, images: Tensor) -> Tensor:
        """Return the feature maps N×V×D×h×w of images N×V×1×H×W in [0, 1]."""

    def class_scores(self, features: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the scores N×K of feature maps N×V×D×h×w; an explainer shows what raises its target's.

        They are the logarithms of the probabilities up to a constant for each sample: in a softmax network the logits.
        `present` is N×V bool, which of the pictures are there; without it all are.
        """

    def over_pictures(self, maps: Tensor, height: int, width: int) -> Tensor:
        """Enlarge N×C×h×w numbers of the feature map's places to N×C×height×width ones of the picture's pixels."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield all parameters, as `torch.nn.Module.parameters` does."""


class Explainer(Protocol):
    """Makes heat maps for images of one classifier.

    A map shows one sample alone: it does not depend on the other samples of its batch. Of the classifier, modes,
    gradients and `requires_grad` are put back by the engine; hooks are removed by whoever set them.
    """

    def __call__(self, images: Tensor, targets: Tensor, present: Tensor) -> Tensor:
        """N×V×1×H×W images in [0, 1] and N class numbers → N×V×H×W heat maps in [0, 1].

        `present` is N×V bool: which pictures are there, as `Classifier.class_scores` takes it. Maps of absent ones are
        not looked at.
        """


@dataclass(frozen=True, kw_only=True)
class ExplainerContext:
    """The classifier that is explained, and the explainer's own options."""

    classifier: Classifier
    options: Any = NO_OPTIONS


@dataclass(frozen=True, kw_only=True)
class ExplainerSpec:
    """An explainer: `build(context)` returns a callable that makes heat maps.

    What it draws at random comes from torch's generator of the CPU, which the engine seeds before every batch, so that
    all devices give the same maps; and it is the same for all images of a batch, so that an image's map does not depend
    on where it stands. Also a classifier whose backbone is frozen gives its features a gradient down to the images, if
    these want one.
    """

    name: str
    summary: str
    build: Callable[[ExplainerContext], Explainer]
    options: type[Options] = NoOptions
