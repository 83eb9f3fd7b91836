"""Measures how a class's probability changes while the strongest pixels of a heat map are removed or restored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from birads_zoo.devices import Compute
from birads_zoo.explanation.imputation import impute
from birads_zoo.model.classifier import Classifier

FRACTIONS = (0.03, 0.1, 0.2, 0.4, 0.7)
"""Shares of a picture's pixels that are removed or restored; deletion and insertion curves also have both ends."""
ROAD_FRACTIONS = (0.1, 0.2, 0.4)
NOISE = 0.01
"""The standard deviation of the noise that ROAD adds to imputed pixels in [0, 1], as in the authors' code."""
PASSES_OF_A_PICTURE = 2
PASSES_OF_A_MAP = 2 * len(FRACTIONS) + len(ROAD_FRACTIONS)

_BLUR = 8  # the picture's height divided by the standard deviation of the blur, which leaves nothing of a lesion
_BORDER = 32  # the picture's height divided by the width of the border between sharp and blurred parts

Probability = Callable[[Tensor], Tensor]
"""P×S×H×W pictures, S versions of each of P pictures → P×S probabilities of the class that is explained."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Views:
    """P pictures of B samples whose classes are explained: picture p is view `views[p]` of sample `samples[p]`.

    `images` B×V×1×H×W in [0, 1], `present` B×V bool and `targets` (B,) are the samples'; `samples` and `views` are (P,)
    int64. All are on the device.
    """

    images: Tensor
    present: Tensor
    targets: Tensor
    samples: Tensor
    views: Tensor

    @property
    def pictures(self) -> Tensor:
        """The pictures P×H×W."""
        return self.images[self.samples, self.views, 0]


@dataclass(frozen=True, kw_only=True, eq=False)
class Removal:
    """The inputs of pixel removal from B pictures that do not depend on a map; B×H×W, on the device.

    `pictures` are in [0, 1]; `blurred` replace them. `ties` in [0, 1) gives the order of pixels with equal map values.
    `noise` is what ROAD adds. `p_original` and `p_blurred` (B,) are the class's probability for the pictures and for
    the blurred pictures.
    """

    pictures: Tensor
    blurred: Tensor
    ties: Tensor
    noise: Tensor
    p_original: Tensor
    p_blurred: Tensor


def class_probability(classifier: Classifier, explained: Views, compute: Compute, batch_size: int) -> Probability:
    """Return a function that gives the class's probability for other versions of P pictures.

    The other views of a picture's sample stay as they are; their features are computed once. The classifier is assumed
    to be in evaluation mode.
    """
    with torch.no_grad(), compute.precision():
        known = classifier.features(explained.images) if explained.images.shape[1] > 1 else None

    @torch.no_grad()
    def probability(pictures: Tensor) -> Tensor:
        versions = pictures.shape[1]
        number = torch.arange(len(pictures), device=pictures.device).repeat_interleave(versions)
        batches = []
        for part, of in zip(*(torch.split(each, batch_size) for each in (pictures.flatten(0, 1), number)), strict=True):
            sample = explained.samples[of]
            with compute.precision():
                features = classifier.features(part[:, None, None])
                if known is not None:
                    changed, features = features[:, 0], known[sample]
                    features[torch.arange(len(of), device=of.device), explained.views[of]] = changed
                logits = classifier.head(features, explained.present[sample]).float()
            batches.append(classifier.probabilities(logits).gather(1, explained.targets[sample][:, None])[:, 0])
        return torch.cat(batches).view(len(pictures), versions)

    return probability


def prepare_removal(
    pictures: Tensor, breasts: Tensor, probability: Probability, generators: Sequence[torch.Generator]
) -> Removal:
    """Prepare the removal of pixels from B×H×W pictures with the breast at `breasts` (B×H×W bool).

    Pixels with equal map values are ordered by smooth noise, with the breast first, so that the order of rows does not
    help a map with wide flat parts. `generators`, one per image, are on the CPU, so that all devices give the same.
    """
    blurred = blur(pictures, breasts)
    height, width = pictures.shape[-2:]
    coarse = torch.stack([torch.rand((1, height // 8 + 2, width // 8 + 2), generator=own) for own in generators])
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)[:, 0]
    noise = torch.stack([torch.randn((height, width), generator=own) for own in generators]) * NOISE
    ends = probability(torch.stack([pictures, blurred], 1))
    return Removal(
        pictures=pictures,
        blurred=blurred,
        ties=(smooth.to(pictures.device) * 0.999 + breasts) / 2,
        noise=noise.to(pictures.device),
        p_original=ends[:, 0],
        p_blurred=ends[:, 1],
    )


def measure_removal(maps: Tensor, removal: Removal, probability: Probability) -> dict[str, Tensor]:
    """Return for B×H×W maps the scores `deletion`, `insertion` and `road`, (B,) each, in [0, 1].

    - `deletion`: the area under the class's probability against the blurred fraction of the picture, where the map's
      strongest pixels are blurred first. `insertion`: the same while they are restored in the blurred picture (Petsiuk
      et al., "RISE", BMVC 2018, section 4.2; there a deleted pixel is set to a constant, which would be unlike any
      mammogram). The area is by the trapezoidal rule at `FRACTIONS` and both ends, which all maps share. The border
      between sharp and blurred is soft, because a hard border looks like the margin of a mass (on artefacts of masks:
      Fong and Vedaldi, "Interpretable Explanations of Black Boxes by Meaningful Perturbation", ICCV 2017).
    - `road`: the mean probability with `ROAD_FRACTIONS` of the pixels imputed, the strongest first (`imputation`;
      Rong et al. 2022).
    """
    count, (height, width) = len(maps), maps.shape[-2:]
    ranks = _ranks(maps, removal.ties)
    masks = [_softened(_first(ranks, fraction)) for fraction in FRACTIONS]
    pictures, blurred = removal.pictures, removal.blurred
    versions = [torch.lerp(pictures, blurred, mask) for mask in masks]
    versions += [torch.lerp(blurred, pictures, mask) for mask in masks]
    missing = torch.stack([_first(ranks, fraction) for fraction in ROAD_FRACTIONS], 1)
    imputed = impute(pictures.repeat_interleave(len(ROAD_FRACTIONS), 0), missing.flatten(0, 1))
    imputed = imputed.view(count, -1, height, width) + removal.noise[:, None] * missing
    probabilities = probability(torch.cat([torch.stack(versions, 1), imputed.clamp(0, 1)], 1))
    deleted, restored, road = torch.split(probabilities, [len(FRACTIONS), len(FRACTIONS), len(ROAD_FRACTIONS)], 1)
    return {
        "deletion": _area(removal.p_original, deleted, removal.p_blurred),
        "insertion": _area(removal.p_blurred, restored, removal.p_original),
        "road": road.mean(1),
    }


def blur(pictures: Tensor, breasts: Tensor) -> Tensor:
    """Blur N×H×W pictures inside and outside of the breast separately: the skin line stays, everything inside goes.

    The blur is Gaussian, with a standard deviation of an eighth of the height, and is computed on a reduced copy.
    """
    height, width = pictures.shape[-2:]
    sigma = height / _BLUR
    step = max(int(sigma / 4), 1)
    blurred = torch.zeros_like(pictures)
    for part in (breasts, ~breasts):
        weights = part.to(pictures.dtype)
        reduced = F.avg_pool2d(torch.stack([pictures * weights, weights], 1), step, ceil_mode=True)
        sums, shares = _gaussian(reduced, sigma / step).unbind(1)
        mean = (sums / shares.clamp(min=1e-6))[:, None]
        blurred += weights * F.interpolate(mean, size=(height, width), mode="bilinear", align_corners=False)[:, 0]
    return blurred


def _gaussian(values: Tensor, sigma: float) -> Tensor:
    """Blur N×C×h×w in two passes; values beyond the edge are 0."""
    reach = int(3 * sigma) + 1
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=values.device) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(values.shape[1], 1, 1, -1)
    across = F.conv2d(values, kernel, padding=(0, reach), groups=values.shape[1])
    return F.conv2d(across, kernel.transpose(2, 3), padding=(reach, 0), groups=values.shape[1])


def _ranks(maps: Tensor, ties: Tensor) -> Tensor:
    """Return the pixels' ranks B×H×W, 0 for a map's strongest pixel."""
    order = (maps + 1e-6 * ties).flatten(1).argsort(1, descending=True)
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places).view(maps.shape)


def _first(ranks: Tensor, fraction: float) -> Tensor:
    return ranks < round(fraction * ranks[0].numel())


def _softened(mask: Tensor) -> Tensor:
    """Return weights B×H×W in [0, 1]: the mask with a soft border, whose width is a 32nd of the height."""
    width = mask.shape[-2] // _BORDER // 2 * 2 + 1
    weights = mask.to(torch.float32)
    return F.avg_pool2d(weights, width, stride=1, padding=width // 2, count_include_pad=False)


def _area(start: Tensor, between: Tensor, end: Tensor) -> Tensor:
    at = torch.tensor([0.0, *FRACTIONS, 1.0], device=between.device)
    return torch.trapezoid(torch.cat([start[:, None], between, end[:, None]], 1), at, dim=1)
