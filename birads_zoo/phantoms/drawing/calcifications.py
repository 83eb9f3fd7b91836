"""Draws calcifications: their positions by distribution, and their shapes by morphology."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birads_zoo.phantoms.drawing.fields import Plane
from birads_zoo.phantoms.findings import Finding, Morphology

_COUNTS = {"regional": (22, 40), "grouped": (8, 18), "linear": (9, 16), "segmental": (16, 30)}


@dataclass(frozen=True, kw_only=True)
class _Grain:
    length: float  # standard deviation along the grain, as a share of the breast's height
    width: float  # the same across it
    brightness: float


def calcifications(
    finding: Finding, side: int, radius: float, breast_height: float, generator: np.random.Generator
) -> Plane:
    """Return the brightness of a cluster's grains, side×side around the centre of a cluster of `radius` pixels.

    `breast_height` in pixels sets their size: a tenth to half a millimetre. A grain that is narrower than a pixel is
    drawn a pixel wide and fainter.
    """
    field = np.zeros((side, side), np.float32)
    heading = generator.uniform(-0.5, 0.5)  # of lines and segments: roughly towards the nipple
    places = _places(finding, radius, heading, generator)
    for x, y in places:
        grain = _grain(finding.morphology, generator)
        towards = heading + generator.normal(0, 0.3) if finding.morphology == "fine-linear" else generator.uniform(0, 6)
        length, width = grain.length * breast_height, grain.width * breast_height
        least = 0.55  # pixels
        fainter = min(width / least, 1) * min(length / least, 1)
        _stamp(field, x, y, max(length, least), max(width, least), towards, grain.brightness * fainter)
    return field


def _places(finding: Finding, radius: float, heading: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return the grains' positions (n, 2) as x and y in pixels from the cluster's centre."""
    count = int(generator.integers(*_COUNTS[finding.distribution]))
    away, around = np.sqrt(generator.random(count)), generator.uniform(0, 2 * np.pi, count)
    match finding.distribution:
        case "regional":
            x, y = 2.0 * away * np.cos(around), 2.0 * away * np.sin(around)
        case "grouped":
            x, y = 0.75 * away * np.cos(around), 0.75 * away * np.sin(around)
        case "linear":
            x, y = generator.uniform(-1.4, 1.4, count), generator.normal(0, 0.09, count)
        case _:  # a segment: a wedge whose tip points to the nipple
            x = 1.6 - 3.2 * away
            y = (1.7 - x) * 0.22 * generator.uniform(-1, 1, count)
    turned = x * np.cos(heading) - y * np.sin(heading), x * np.sin(heading) + y * np.cos(heading)
    return radius * np.column_stack(turned)


def _grain(morphology: Morphology, generator: np.random.Generator) -> _Grain:
    match morphology:
        case "punctate":
            size = generator.uniform(0.0020, 0.0026)
            return _Grain(length=size, width=size, brightness=generator.uniform(0.45, 0.60))
        case "amorphous":
            size = generator.uniform(0.0028, 0.0045)
            return _Grain(length=size, width=size, brightness=generator.uniform(0.25, 0.38))
        case "pleomorphic":
            size = generator.uniform(0.0018, 0.0034)
            return _Grain(
                length=size * generator.uniform(1.0, 2.2), width=size, brightness=generator.uniform(0.35, 0.85)
            )
        case _:
            return _Grain(
                length=generator.uniform(0.0045, 0.0085), width=0.0018, brightness=generator.uniform(0.50, 0.85)
            )


def _stamp(field: Plane, x: float, y: float, length: float, width: float, towards: float, brightness: float) -> None:
    """Draw a grain into `field` at (x, y): a Gaussian with standard deviations of `length` and `width` pixels."""
    middle = (field.shape[0] - 1) / 2
    reach = int(np.ceil(3 * length))
    top, left = round(middle + y) - reach, round(middle + x) - reach
    rows = slice(max(top, 0), max(top + 2 * reach + 1, 0))
    columns = slice(max(left, 0), max(left + 2 * reach + 1, 0))
    part = field[rows, columns]
    if not part.size:
        return
    ys = np.arange(rows.start, rows.start + part.shape[0])[:, None] - middle - y
    xs = np.arange(columns.start, columns.start + part.shape[1])[None, :] - middle - x
    along, across = xs * np.cos(towards) + ys * np.sin(towards), ys * np.cos(towards) - xs * np.sin(towards)
    np.maximum(part, brightness * np.exp(-((along / length) ** 2 + (across / width) ** 2) / 2), out=part)
