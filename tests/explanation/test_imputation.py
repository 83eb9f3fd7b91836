"""Imputed pixels solve the linear system of ROAD."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import spsolve

from birads_zoo.explanation.curves import NOISE
from birads_zoo.explanation.imputation import impute


def exact(picture, missing):
    """Solve the system as the paper states it, with one equation per missing pixel."""
    number = np.full(picture.shape, -1)
    number[missing] = np.arange(missing.sum())
    matrix, right = lil_matrix((missing.sum(), missing.sum())), np.zeros(missing.sum())
    for y, x in zip(*np.nonzero(missing), strict=True):
        for dy, dx in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)):
            if not (0 <= y + dy < picture.shape[0] and 0 <= x + dx < picture.shape[1]):
                continue
            weight = 1 / 6 if 0 in (dy, dx) else 1 / 12
            matrix[number[y, x], number[y, x]] += weight
            if missing[y + dy, x + dx]:
                matrix[number[y, x], number[y + dy, x + dx]] -= weight
            else:
                right[number[y, x]] += weight * picture[y + dy, x + dx]
    solved = picture.copy()
    solved[missing] = spsolve(matrix.tocsc(), right)
    return solved


def imputed(picture, missing):
    return impute(torch.tensor(picture, dtype=torch.float32)[None], torch.tensor(missing)[None])[0].numpy()


def test_one_pixel_is_the_weighted_mean_of_its_neighbours():
    picture, missing = np.arange(9.0).reshape(3, 3) ** 2, np.zeros((3, 3), bool)
    missing[1, 1] = True
    beside, diagonal = 1 + 9 + 25 + 49, 0 + 4 + 36 + 64
    assert imputed(picture, missing)[1, 1] == pytest.approx(beside / 6 + diagonal / 12)


def test_a_corner_has_three_neighbours():
    picture, missing = np.array([[9.0, 3.0], [6.0, 1.0]]), np.array([[True, False], [False, False]])
    assert imputed(picture, missing)[0, 0] == pytest.approx((3 / 6 + 6 / 6 + 1 / 12) / (2 / 6 + 1 / 12))


@pytest.mark.parametrize("share", [0.1, 0.4])
@pytest.mark.parametrize("scale", [2, 8])
def test_holes_of_any_shape_are_solved_to_less_than_the_noise(share, scale):
    generator = np.random.default_rng(0)
    picture = ndimage.gaussian_filter(generator.standard_normal((64, 56)), 4)
    picture = (picture - picture.min()) / np.ptp(picture)
    field = ndimage.gaussian_filter(generator.standard_normal(picture.shape), scale)
    missing = field > np.quantile(field, 1 - share)
    filled = imputed(picture, missing)
    error = (filled - exact(picture, missing))[missing]
    assert np.sqrt((error**2).mean()) < NOISE
    np.testing.assert_allclose(filled[~missing], picture[~missing], atol=1e-7)


def test_pictures_are_independent_and_an_even_picture_stays_even():
    pictures = torch.stack([torch.full((40, 32), 0.3), torch.rand(40, 32)])
    missing = torch.rand(2, 40, 32) < 0.5
    together = impute(pictures, missing)
    torch.testing.assert_close(together[0], pictures[0])
    torch.testing.assert_close(impute(pictures[1:], missing[1:])[0], together[1])


def test_a_picture_without_known_pixels_becomes_zero():
    assert not imputed(np.ones((40, 32)), np.ones((40, 32), bool)).any()
