"""A picture's fingerprint: what stays when it is compressed again, resized, cropped a little or mirrored."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft, ndimage

from birads_zoo.data.picture import GreyArray
from birads_zoo.data.placement.geometry import place
from birads_zoo.recipe import ImageSection

Spectrum = NDArray[np.float32]
Detail = NDArray[np.float16]

_ENOUGH = 400  # pixels on the longer side that suffice: over four times the largest look
_SMALL = 32  # pixels a side of the copy that is hashed
_WAVES = 8  # lowest frequencies kept on each axis
_BLUR = 2.0  # pixels of the copy: what is broader than this is the breast's shape, which many breasts share
_NOISE = 2.0  # grey values of 255: fainter detail is compression's


class Look(NamedTuple):
    """One way to look at a picture: whole or its breast alone, on how many pixels, and how alike two copies are."""

    crop: bool
    side: int
    alike: float


LOOKS = (Look(crop=False, side=96, alike=0.85), Look(crop=True, side=64, alike=0.70))
"""The whole picture withstands compression, resizing and stretching; the breast alone withstands a cut margin.

`alike` stands in the gap between what was measured of copies (JPEG quality 20 to 90, 0.3 to 1.3 times the size, other
tone, stretched: above 0.9 on the whole picture, but for a copy 0.3 times a picture of 200 pixels) and of different
pictures (at most 0.72 on the whole and 0.53 on the breast, the two breasts of one woman and the mirrored one
included: 130,000 pairs of mini-MIAS and of a phantom).
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fingerprint:
    """What is kept of one picture.

    `digest` names its pixels exactly. For each of `LOOKS`: `spectra`, the 8×8 lowest coefficients of its discrete
    cosine transform, and `details`, its fine structure (side×side, norm 1; all 0 for a picture without any).
    `brightest` is its highest grey value, and `deep` says whether these have 16 bits.
    """

    digest: str
    brightest: int
    deep: bool
    spectra: tuple[Spectrum, ...]
    details: tuple[Detail, ...]


def fingerprint(pixels: GreyArray) -> Fingerprint:
    """Take the fingerprint of an H×W picture of uint8 or uint16."""
    header = f"{pixels.dtype} {pixels.shape} ".encode()
    digest = hashlib.blake2b(header, digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    small = _reduced(pixels)
    copies = [_copy(small, look) for look in LOOKS]
    return Fingerprint(
        digest=digest.hexdigest(),
        brightest=int(pixels.max()),
        deep=pixels.dtype == np.uint16,
        spectra=tuple(_spectrum(copy) for copy in copies),
        details=tuple(_detail(copy) for copy in copies),
    )


def bits(spectra: Spectrum, *, mirrored: bool = False) -> NDArray[np.bool_]:
    """Return the 63-bit perceptual hashes (n, 63) of n spectra (n, 8, 8), or of the mirrored pictures.

    A bit says whether a coefficient is above the median of them all, the constant one left out: Zauner,
    "Implementation and benchmarking of perceptual image hash functions" (2010), section 3.2.1. Mirroring a picture
    turns the sign of its odd horizontal waves.
    """
    signs = np.where(np.arange(_WAVES) % 2 == 1, -1, 1) if mirrored else np.ones(_WAVES)
    waves = (spectra * signs).reshape(len(spectra), _WAVES**2)[:, 1:]
    above: NDArray[np.bool_] = waves > np.median(waves, axis=1, keepdims=True)
    return above


def _reduced(pixels: GreyArray) -> GreyArray:
    """Return the picture at a whole fraction of its size that is enough for every look."""
    step = max(pixels.shape) // _ENOUGH
    if step < 2:
        return pixels
    if pixels.dtype == np.uint8:
        return np.asarray(Image.fromarray(pixels).reduce(step), dtype=np.uint8)
    deep = np.asarray(Image.fromarray(pixels.astype(np.float32)).reduce(step))  # Pillow reduces no 16-bit integers
    return np.asarray(np.rint(deep), dtype=np.uint16)


def _copy(pixels: GreyArray, look: Look) -> NDArray[np.float32]:
    """Return a small square copy whose brightest pixel is 255: deep and shallow versions of a picture agree."""
    section = ImageSection(height=look.side, width=look.side, crop=look.crop, fit="stretch", orient=False)
    small = place(pixels, section)[0].astype(np.float32)
    return small * np.float32(255 / max(float(small.max()), 1.0))


def _spectrum(copy: NDArray[np.float32]) -> Spectrum:
    step = len(copy) // _SMALL
    small = copy.reshape(_SMALL, step, _SMALL, step).mean(axis=(1, 3))
    return np.asarray(fft.dctn(small, norm="ortho")[:_WAVES, :_WAVES], dtype=np.float32)


def _detail(copy: NDArray[np.float32]) -> Detail:
    """Return what differs from the surroundings, everywhere at the same contrast."""
    fine = copy - ndimage.gaussian_filter(copy, _BLUR, mode="nearest")
    contrast = np.sqrt(ndimage.gaussian_filter(fine**2, 2 * _BLUR, mode="nearest"))
    even = fine / (contrast + _NOISE)
    even = even - even.mean()
    norm = float(np.linalg.norm(even))
    return np.asarray(even / norm if norm > 0 else even, dtype=np.float16)
