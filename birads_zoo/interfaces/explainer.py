"""An explainer: from images of one classifier to heat maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from birads_zoo.interfaces.options import NO_OPTIONS, NoOptions, Options

if TYPE_CHECKING:
    from torch import Tensor

    from birads_zoo.model.classifier import Classifier


class Explainer(Protocol):
    """Makes heat maps for images of one classifier, and leaves its mode, gradients and hooks as it found them.

    A map shows one sample alone: it does not depend on the other samples of its batch.
    """

    def __call__(self, images: Tensor, targets: Tensor, present: Tensor) -> Tensor:
        """N×V×1×H×W images in [0, 1] and N class numbers → N×V×H×W heat maps in [0, 1].

        `present` is N×V bool: which pictures are there, as `Classifier.forward` takes it. Maps of absent ones are not
        looked at.
        """


@dataclass(frozen=True, kw_only=True)
class ExplainerContext:
    """The classifier that is explained, and the explainer's own options.

    What is explained of class k is its score, `classifier.scores(classifier(images))[:, k]`: in a softmax network the
    class's logit, in any network the logarithm of its probability up to a constant for each image.
    """

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
