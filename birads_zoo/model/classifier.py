"""The classifier: normalised pixels → backbone → head, with the line between features and head in the open."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from birads_zoo.interfaces import Outputs
from birads_zoo.model.freezing import Freeze, frozen_parts, hold_still
from birads_zoo.model.head import Head, HeadOutput
from birads_zoo.model.placing import PlaceSize, laid_over


class Classifier(nn.Module):
    """A backbone and a head. Takes N×V×1×H×W images in [0, 1] and returns logits N×L.

    How these become the probabilities of K classes is its loss's to say: see `scores` and `probabilities`.

    Not all V pictures of a sample need be there: `present`, N×V, says which are, and without it all are. What an absent
    one's place holds changes nothing in evaluation mode; in training mode the backbone's batch norms see it, so it
    should be a picture of the same sample, as `Batches` puts there.

    `pixel_mean` and `pixel_std` have one value for each of the backbone's input channels. `frozen` says what of the
    backbone is held still ("none", "early" or "all"; see `birads_zoo.model.freezing`), `frozen_parts` which of its
    submodules; they stay in evaluation mode when the classifier is trained. `place` is how many pixels one place of the
    feature map is high and wide, `None` where that is not known.
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
        place: PlaceSize | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.register_buffer("pixel_mean", torch.tensor(pixel_mean, dtype=torch.float32))
        self.register_buffer("pixel_std", torch.tensor(pixel_std, dtype=torch.float32))
        self.frozen: Freeze = freeze
        self.frozen_parts = frozen_parts(backbone, freeze, stages)
        hold_still(backbone, self.frozen_parts)
        self.place = place

    def train(self, mode: bool = True) -> Classifier:
        """Switch to training mode, save for what is frozen."""
        super().train(mode)
        hold_still(self.backbone, self.frozen_parts)
        return self

    def normalise(self, images: Tensor) -> Tensor:
        """Return N×1×H×W pixels in [0, 1] as the backbone wants them: N×C×H×W, (x − mean) / std.

        The result lies in memory as the backbone's weights do (channels last, if they were moved to that format).
        """
        grey = images.permute(0, 2, 3, 1)
        pixels = torch.addcmul(-self.pixel_mean / self.pixel_std, grey, 1 / self.pixel_std).permute(0, 3, 1, 2)
        return pixels if _is_channels_last(self.backbone) else pixels.contiguous()

    def features(self, images: Tensor) -> Tensor:
        """Return the feature maps N×V×D×h×w of images N×V×1×H×W in [0, 1].

        Of a backbone that is frozen as a whole they carry no gradient, and no graph is kept, unless the images want it.
        """
        maps: Tensor = self.backbone(self.normalise(images.flatten(0, 1)))
        return maps.reshape(*images.shape[:2], *maps.shape[1:])

    def class_scores(self, features: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the class scores N×K of feature maps N×V×D×h×w: what explainers differentiate."""
        return self.scores(self.head(features, present))

    def over_pictures(self, maps: Tensor, height: int, width: int) -> Tensor:
        """Return N×C×h×w numbers of the feature map's places as N×C×height×width ones of the picture's pixels."""
        return laid_over(maps, self.place, height, width)

    def forward_details(self, images: Tensor, present: Tensor | None = None) -> HeadOutput:
        """Return what the head says of images N×V×1×H×W in [0, 1]."""
        return self.head.forward_details(self.features(images), present)

    def forward(self, images: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the logits N×L of images N×V×1×H×W in [0, 1]."""
        return self.forward_details(images, present).logits

    @property
    def outputs(self) -> Outputs:
        """How many logits there are, and how they become probabilities."""
        return self.head.outputs

    def scores(self, logits: Tensor) -> Tensor:
        """Return the class scores N×K of logits N×L: the logarithms of the probabilities, up to a constant a row."""
        return self.outputs.scores(logits)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the probabilities N×K of logits N×L, in the logits' own precision."""
        return self.outputs.probabilities(logits)


def _is_channels_last(module: nn.Module) -> bool:
    """Whether a kernel says so unambiguously: one with a single channel or pixel lies the same way in both formats."""
    return any(
        weight.dim() == 4 and weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
        for weight in module.parameters()
    )
