"""Computes a picture's fingerprint, which hardly changes by compression, resizing, slight cropping or mirroring."""

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

_ENOUGH = 400  # sufficient pixels on the longer side: over four times the largest look
_SMALL = 32  # pixels per side of the copy that is hashed
_WAVES = 8  # lowest frequencies kept on each axis
_BLUR = 2.0  # pixels of the copy: broader structures are the breast's shape, which is similar in many breasts
_NOISE = 2.0  # grey values of 255: fainter detail comes from compression


class Look(NamedTuple):
    """A version of a picture to compare: the whole or only its breast, its side in pixels, and how alike copies are."""

    crop: bool
    side: int
    alike: float


LOOKS = (Look(crop=False, side=96, alike=0.85), Look(crop=True, side=64, alike=0.70))
"""The whole picture withstands compression, resizing and stretching; the breast alone withstands a cropped margin.

`alike` is in the gap between the values measured for copies and for different pictures. Copies (JPEG quality 20 to 90,
0.3 to 1.3 times the size, other tone, stretched) were above 0.9 on the whole picture, except for a copy of 0.3 times a
picture of 200 pixels. Different pictures, including the two breasts of one woman and mirrored ones, were at most 0.72
on the whole and 0.53 on the breast (130,000 pairs of mini-MIAS and of a phantom).
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fingerprint:
    """A picture's fingerprint.

    `digest` identifies its pixels exactly. For each of `LOOKS` there are `spectra`, the 8×8 lowest coefficients of its
    discrete cosine transform, and `details`, its fine structure (side×side, norm 1; all 0 for a picture without any).
    `brightest` is its highest grey value, and `deep` says whether grey values have 16 bits.
    """

    digest: str
    brightest: int
    deep: bool
    spectra: tuple[Spectrum, ...]
    details: tuple[Detail, ...]


def fingerprint(pixels: GreyArray) -> Fingerprint:
    """Compute the fingerprint of an H×W picture of uint8 or uint16."""
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

    A bit says whether a coefficient is above the median of all except the constant one: Zauner, "Implementation and
    benchmarking of perceptual image hash functions" (2010), section 3.2.1. Mirroring a picture changes the sign of its
    odd horizontal waves.
    """
    signs = np.where(np.arange(_WAVES) % 2 == 1, -1, 1) if mirrored else np.ones(_WAVES)
    waves = (spectra * signs).reshape(len(spectra), _WAVES**2)[:, 1:]
    above: NDArray[np.bool_] = waves > np.median(waves, axis=1, keepdims=True)
    return above


def _reduced(pixels: GreyArray) -> GreyArray:
    """Return the picture reduced by a whole factor to a size that is sufficient for all of `LOOKS`."""
    step = max(pixels.shape) // _ENOUGH
    if step < 2:
        return pixels
    if pixels.dtype == np.uint8:
        return np.asarray(Image.fromarray(pixels).reduce(step), dtype=np.uint8)
    deep = np.asarray(Image.fromarray(pixels.astype(np.float32)).reduce(step))  # Pillow cannot reduce 16-bit integers
    return np.asarray(np.rint(deep), dtype=np.uint16)


def _copy(pixels: GreyArray, look: Look) -> NDArray[np.float32]:
    """Return a small square copy whose brightest pixel is 255, so that 8-bit and 16-bit versions agree."""
    section = ImageSection(height=look.side, width=look.side, crop=look.crop, fit="stretch", orient=False)
    small = place(pixels, section)[0].astype(np.float32)
    return small * np.float32(255 / max(float(small.max()), 1.0))


def _spectrum(copy: NDArray[np.float32]) -> Spectrum:
    step = len(copy) // _SMALL
    small = copy.reshape(_SMALL, step, _SMALL, step).mean(axis=(1, 3))
    return np.asarray(fft.dctn(small, norm="ortho")[:_WAVES, :_WAVES], dtype=np.float32)


def _detail(copy: NDArray[np.float32]) -> Detail:
    """Return the fine structure: the difference from the surroundings, with the same contrast everywhere."""
    fine = copy - ndimage.gaussian_filter(copy, _BLUR, mode="nearest")
    contrast = np.sqrt(ndimage.gaussian_filter(fine**2, 2 * _BLUR, mode="nearest"))
    even = fine / (contrast + _NOISE)
    even = even - even.mean()
    norm = float(np.linalg.norm(even))
    return np.asarray(even / norm if norm > 0 else even, dtype=np.float16)
