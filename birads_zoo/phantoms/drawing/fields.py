"""Makes the random fields and grids for drawing tissue and lesions."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft, ndimage
from scipy.spatial import cKDTree

Plane = NDArray[np.float32]

_FLAT = 0.6  # cells are longer across the picture, towards the nipple


@lru_cache(maxsize=4)
def grid(height: int, width: int) -> tuple[Plane, Plane]:
    """Return the coordinates of the pixels' centres in picture heights: y and x, each H×W."""
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    return (ys + 0.5) / height, (xs + 0.5) / height


def soft_step(values: Plane) -> Plane:
    """Return the logistic function of `values`."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), np.float32)


def enlarge(plane: Plane, height: int, width: int) -> Plane:
    """Enlarge a small plane smoothly."""
    return np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC))


def spectral(height: int, width: int, slope: float, stretch: float, generator: np.random.Generator) -> Plane:
    """Draw noise of mean 0 and deviation 1, with amplitude frequency**-slope, stretched along the first axis."""
    fy = np.fft.fftfreq(height)[:, None] * height * stretch
    fx = np.fft.rfftfreq(width)[None, :] * width
    amplitude = (fy**2 + fx**2 + 1.0) ** (-slope / 2)
    amplitude[0, 0] = 0
    spectrum = fft.rfft2(generator.standard_normal((height, width), dtype=np.float32)) * amplitude.astype(np.float32)
    noise = fft.irfft2(spectrum, s=(height, width))
    return np.asarray(noise / noise.std(), np.float32)


def sampled(texture: Plane, rows: Plane, columns: Plane) -> Plane:
    """Return `texture` at fractional positions, repeated beyond its edges."""
    return np.asarray(ndimage.map_coordinates(texture, [rows, columns], order=1, mode="grid-wrap"), np.float32)


def cells(height: int, width: int, spacing: float, bent: Plane, generator: np.random.Generator) -> tuple[Plane, Plane]:
    """Return each pixel's distance to a wall between cells (0 on it), and its cell's number in [0, 1]; both H×W.

    Cells of about `spacing` picture heights are Worley's (SIGGRAPH 1996). The distance is that to the second nearest of
    random points minus that to the nearest, in units of `spacing`. `bent` (H×W, deviation 1) bends the walls.
    """
    ys, xs = grid(height, width)
    count = int((1.2 * (width / height + 0.2)) / spacing**2)
    points = (generator.random((count, 2)) * (1.2, width / height + 0.2) - 0.1) * (1, _FLAT)
    bend = 0.6 * spacing
    places = np.stack([ys + bend * bent, xs + bend * np.roll(bent, height // 3, axis=0)], axis=-1) * (1, _FLAT)
    distances, nearest = cKDTree(points).query(places.reshape(-1, 2), k=2)
    walls = (distances[:, 1] - distances[:, 0]).reshape(height, width) / spacing
    numbers = generator.random(count, dtype=np.float32)[nearest[:, 0]].reshape(height, width)
    return np.asarray(walls, np.float32), numbers
