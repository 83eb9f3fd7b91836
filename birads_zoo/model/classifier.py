"""The classifier: normalised pixels → backbone → feature maps → head → logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from birads_zoo.interfaces import Outputs
from birads_zoo.model.freezing import Freeze, freeze_parts, frozen_parts
from birads_zoo.model.head import Head, HeadOutput
from birads_zoo.model.placing import PlaceSize, resize_to_picture


class Classifier(nn.Module):
    """A backbone and a head. Takes N×V×1×H×W images in [0, 1] and returns logits N×L.

    The loss defines how these become the probabilities of K classes: see `scores` and `probabilities`.

    Pictures of a sample may be absent: `present`, N×V, says which are present; by default all are. The content of an
    absent picture changes nothing in evaluation mode. In training mode the backbone's batch norms see it, so it should
    be a picture of the same sample, as in `Batches`.

    `pixel_mean` and `pixel_std` have one value for each of the backbone's input channels. `frozen` says how much of the
    backbone is frozen ("none", "early" or "all"; see `birads_zoo.model.freezing`), and `frozen_parts` which of its
    submodules are; these stay in evaluation mode during training. `find_place` returns the `place` of the backbone.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        head: Head,
        *,
        pixel_mean: Sequence[float],
        pixel_std: Sequence[float],
        freeze: Freeze = "none",
        stages: Sequence[str] = (),
        find_place: Callable[[nn.Module], PlaceSize | None] = lambda backbone: None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.register_buffer("pixel_mean", torch.tensor(pixel_mean, dtype=torch.float32))
        self.register_buffer("pixel_std", torch.tensor(pixel_std, dtype=torch.float32))
        self.frozen: Freeze = freeze
        self.frozen_parts = frozen_parts(backbone, freeze, stages)
        freeze_parts(backbone, self.frozen_parts)
        self._find_place = find_place

    @cached_property
    def place(self) -> PlaceSize | None:
        """The height and width in pixels of one place of the feature map, `None` if unknown.

        Finding it runs the backbone, and takes a second in a new process: only explanations need it.
        """
        return self._find_place(self.backbone)

    def train(self, mode: bool = True) -> Classifier:
        """Switch to training mode, except for the frozen parts."""
        super().train(mode)
        freeze_parts(self.backbone, self.frozen_parts)
        return self

    def normalise(self, images: Tensor) -> Tensor:
        """Return N×1×H×W pixels in [0, 1] as input for the backbone: N×C×H×W, (x − mean) / std.

        The result has the memory format of the backbone's weights (channels last if they were moved to that format).
        """
        grey = images.permute(0, 2, 3, 1)
        pixels = torch.addcmul(-self.pixel_mean / self.pixel_std, grey, 1 / self.pixel_std).permute(0, 3, 1, 2)
        return pixels if _is_channels_last(self.backbone) else pixels.contiguous()

    def features(self, images: Tensor) -> Tensor:
        """Return the feature maps N×V×D×h×w of images N×V×1×H×W in [0, 1].

        If the whole backbone is frozen they have no gradient and keep no graph, unless the images require a gradient.
        """
        maps: Tensor = self.backbone(self.normalise(images.flatten(0, 1)))
        return maps.reshape(*images.shape[:2], *maps.shape[1:])

    def class_scores(self, features: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the class scores N×K of feature maps N×V×D×h×w; explainers differentiate these."""
        return self.scores(self.head(features, present))

    def over_pictures(self, maps: Tensor, height: int, width: int) -> Tensor:
        """Resize N×C×h×w values of the feature map's places to N×C×height×width values of the picture's pixels."""
        return resize_to_picture(maps, self.place, height, width)

    def forward_details(self, images: Tensor, present: Tensor | None = None) -> HeadOutput:
        """Return the head's full output for images N×V×1×H×W in [0, 1]."""
        return self.head.forward_details(self.features(images), present)

    def forward(self, images: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the logits N×L of images N×V×1×H×W in [0, 1]."""
        return self.forward_details(images, present).logits

    @property
    def outputs(self) -> Outputs:
        """How many logits there are, and how they become probabilities."""
        return self.head.outputs

    def scores(self, logits: Tensor) -> Tensor:
        """Return the class scores N×K of logits N×L: the logarithms of the probabilities, up to a constant per row."""
        return self.outputs.scores(logits)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the probabilities N×K of logits N×L, in the logits' own precision."""
        return self.outputs.probabilities(logits)


def _is_channels_last(module: nn.Module) -> bool:
    """Whether some kernel is channels last unambiguously: with one channel or pixel both formats are the same."""
    return any(
        weight.dim() == 4 and weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
        for weight in module.parameters()
    )
