from dataclasses import replace

import numpy as np

from birads_zoo.phantoms.drawing.anatomy import draw_build
from birads_zoo.phantoms.drawing.film import Picture, expose, frame
from birads_zoo.phantoms.drawing.tissue import draw_breast
from birads_zoo.phantoms.findings import Finding, draw_finding


def added_by(finding: Finding) -> float:
    """Return how much brighter a very dense breast is at a lesion than without it, as the mean of six breasts."""
    gains = []
    for seed in range(6):
        generator = np.random.default_rng(seed)
        build = draw_build(generator, "D")
        breast = draw_breast(build, "CC", 208, 160, generator)
        plain, exposed = (
            expose(breast, build, lesion, "CC", np.random.default_rng(seed)) for lesion in (None, finding)
        )
        assert exposed.mask is not None
        gains.append((exposed.grey - plain.grey)[exposed.mask].mean())
    return float(np.mean(gains))


def test_a_mass_of_low_density_is_darker_than_gland_and_one_of_high_density_brighter() -> None:
    mass = replace(
        draw_finding(0.2, np.random.default_rng(0)),
        kind="mass",
        shape="oval",
        margin="circumscribed",
        morphology="",
        distribution="",
    )
    assert added_by(replace(mass, density="low", contrast=0.0)) < -0.01
    assert added_by(replace(mass, density="high", contrast=0.8)) > 0.1


def test_a_distortion_pulls_tissue_without_a_mass() -> None:
    """Strands converge on it: it changes the picture around its centre, but adds little brightness there."""
    distortion = replace(
        draw_finding(0.7, np.random.default_rng(0)),
        kind="architectural-distortion",
        shape="",
        margin="",
        density="",
        morphology="",
        distribution="",
    )
    assert 0 < added_by(distortion) < 0.08


def test_a_lesion_smaller_than_a_pixel_keeps_its_mask() -> None:
    mask = np.zeros((32, 32), np.bool_)
    mask[16, 16] = True
    picture = Picture(grey=np.ones((32, 32), np.float32), mask=mask)
    framed = frame(picture, "3", np.random.default_rng(0)).mask
    assert framed is not None
    assert framed.any()
