"""How a class's probability falls and rises while the pixels that a heat map names are taken away and brought back."""

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
"""Of a picture's pixels, taken away or brought back; a deletion or insertion curve has both ends besides."""
ROAD_FRACTIONS = (0.1, 0.2, 0.4)
NOISE = 0.01
"""The standard deviation of what ROAD adds to imputed pixels of a range of 1: that of the authors' own code."""
PASSES_OF_A_PICTURE = 2
PASSES_OF_A_MAP = 2 * len(FRACTIONS) + len(ROAD_FRACTIONS)

_BLUR = 8  # the picture's height in standard deviations of the blur, so that it leaves nothing of a lesion
_BORDER = 32  # the picture's height in widths of the border between what is sharp and what is blurred

Probability = Callable[[Tensor], Tensor]
"""P×S×H×W pictures, S versions of each of P pictures → P×S probabilities of the class that is explained."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Views:
    """P pictures of B samples, whose class is explained: picture p is view `views[p]` of sample `samples[p]`.

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
    """What taking pixels away needs to know of B pictures, whoever names the pixels; all B×H×W, on the device.

    `pictures` in [0, 1]; `blurred`, what they become; `ties` in [0, 1), the order of pixels that a map does not tell
    apart; `noise`, what ROAD adds; `whole` and `gone` (B,), the probability of the pictures and of the blurred ones.
    """

    pictures: Tensor
    blurred: Tensor
    ties: Tensor
    noise: Tensor
    whole: Tensor
    gone: Tensor


def class_probability(classifier: Classifier, explained: Views, compute: Compute, batch_size: int) -> Probability:
    """Return what gives the probability of the class for other versions of P pictures, beside their samples' others.

    The features of the other views are computed once. The classifier is taken to be in evaluation mode.
    """
    with torch.no_grad(), compute.precision():
        known = classifier.features(explained.images) if explained.images.shape[1] > 1 else None

    @torch.no_grad()
    def probability(pictures: Tensor) -> Tensor:
        versions = pictures.shape[1]
        number = torch.arange(len(pictures), device=pictures.device).repeat_interleave(versions)
        found = []
        for part, of in zip(*(torch.split(each, batch_size) for each in (pictures.flatten(0, 1), number)), strict=True):
            sample = explained.samples[of]
            with compute.precision():
                features = classifier.features(part[:, None, None])
                if known is not None:
                    own, features = features[:, 0], known[sample]
                    features[torch.arange(len(of), device=of.device), explained.views[of]] = own
                logits = classifier.head(features, explained.present[sample]).float()
            found.append(classifier.probabilities(logits).gather(1, explained.targets[sample][:, None])[:, 0])
        return torch.cat(found).view(len(pictures), versions)

    return probability


def prepare_removal(
    pictures: Tensor, breasts: Tensor, probability: Probability, generators: Sequence[torch.Generator]
) -> Removal:
    """Prepare the removal of pixels from B×H×W pictures with the breast at `breasts` (B×H×W bool).

    Pixels that a map does not tell apart go in the order of smooth noise, those in the breast first, so that a map with
    wide flat parts is not helped by the order of rows. `generators`, one an image, are the CPU's: devices agree.
    """
    blurred = blur(pictures, breasts)
    height, width = pictures.shape[-2:]
    coarse = torch.stack([torch.rand((1, height // 8 + 2, width // 8 + 2), generator=one) for one in generators])
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)[:, 0]
    noise = torch.stack([torch.randn((height, width), generator=one) for one in generators]) * NOISE
    ends = probability(torch.stack([pictures, blurred], 1))
    return Removal(
        pictures=pictures,
        blurred=blurred,
        ties=(smooth.to(pictures.device) * 0.999 + breasts) / 2,
        noise=noise.to(pictures.device),
        whole=ends[:, 0],
        gone=ends[:, 1],
    )


def measure_removal(maps: Tensor, removal: Removal, probability: Probability) -> dict[str, Tensor]:
    """Return for B×H×W maps the scores `deletion`, `insertion` and `road`, (B,) each, in [0, 1].

    - `deletion`: the area under the class's probability while pixels are blurred, the map's strongest first, over the
      fraction of the picture that is; `insertion`: while they come back into the blurred picture (Petsiuk et al.,
      "RISE", BMVC 2018, section 4.2; there a deleted pixel is set to a constant, which no mammogram has inside). By the
      trapezoidal rule at `FRACTIONS` and both ends, which all maps share. The border between sharp and blurred is
      soft, as a hard one looks like the margin of a mass (on artefacts of masks: Fong and Vedaldi, "Interpretable
      Explanations of Black Boxes by Meaningful Perturbation", ICCV 2017).
    - `road`: the mean probability with `ROAD_FRACTIONS` imputed, the strongest first (`imputation`; Rong et al. 2022).
    """
    count, (height, width) = len(maps), maps.shape[-2:]
    ranks = _ranks(maps, removal.ties)
    taken = [_softened(_first(ranks, fraction)) for fraction in FRACTIONS]
    pictures, blurred = removal.pictures, removal.blurred
    versions = [torch.lerp(pictures, blurred, first) for first in taken]
    versions += [torch.lerp(blurred, pictures, first) for first in taken]
    gone = torch.stack([_first(ranks, fraction) for fraction in ROAD_FRACTIONS], 1)
    imputed = impute(pictures.repeat_interleave(len(ROAD_FRACTIONS), 0), gone.flatten(0, 1))
    imputed = imputed.view(count, -1, height, width) + removal.noise[:, None] * gone
    found = probability(torch.cat([torch.stack(versions, 1), imputed.clamp(0, 1)], 1))
    left, back, road = torch.split(found, [len(FRACTIONS), len(FRACTIONS), len(ROAD_FRACTIONS)], 1)
    return {
        "deletion": _area(removal.whole, left, removal.gone),
        "insertion": _area(removal.gone, back, removal.whole),
        "road": road.mean(1),
    }


def blur(pictures: Tensor, breasts: Tensor) -> Tensor:
    """Blur N×H×W pictures within the breast and, apart from it, outside: the skin line stays, all inside goes.

    Gaussian, with an eighth of the height as its standard deviation, of a reduced copy.
    """
    height, width = pictures.shape[-2:]
    sigma = height / _BLUR
    step = max(int(sigma / 4), 1)
    found = torch.zeros_like(pictures)
    for part in (breasts, ~breasts):
        weights = part.to(pictures.dtype)
        reduced = F.avg_pool2d(torch.stack([pictures * weights, weights], 1), step, ceil_mode=True)
        sums, shares = _gaussian(reduced, sigma / step).unbind(1)
        mean = (sums / shares.clamp(min=1e-6))[:, None]
        found += weights * F.interpolate(mean, size=(height, width), mode="bilinear", align_corners=False)[:, 0]
    return found


def _gaussian(values: Tensor, sigma: float) -> Tensor:
    """Blur N×C×h×w by two passes; beyond the edge is 0."""
    reach = int(3 * sigma) + 1
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=values.device) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(values.shape[1], 1, 1, -1)
    across = F.conv2d(values, kernel, padding=(0, reach), groups=values.shape[1])
    return F.conv2d(across, kernel.transpose(2, 3), padding=(reach, 0), groups=values.shape[1])


def _ranks(maps: Tensor, ties: Tensor) -> Tensor:
    """Return B×H×W: 0 for a map's strongest pixel, and so on."""
    order = (maps + 1e-6 * ties).flatten(1).argsort(1, descending=True)
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places).view(maps.shape)


def _first(ranks: Tensor, fraction: float) -> Tensor:
    return ranks < round(fraction * ranks[0].numel())


def _softened(mask: Tensor) -> Tensor:
    """Return B×H×W weights in [0, 1]: a mask whose border is as wide as a 32nd of the height."""
    width = mask.shape[-2] // _BORDER // 2 * 2 + 1
    weights = mask.to(torch.float32)
    return F.avg_pool2d(weights, width, stride=1, padding=width // 2, count_include_pad=False)


def _area(start: Tensor, between: Tensor, end: Tensor) -> Tensor:
    at = torch.tensor([0.0, *FRACTIONS, 1.0], device=between.device)
    return torch.trapezoid(torch.cat([start[:, None], between, end[:, None]], 1), at, dim=1)
