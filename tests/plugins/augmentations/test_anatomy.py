"""The anchored warp: the chest wall stays at the left edge, and the breast stays in the frame."""

import pytest
import torch

from birads_zoo.interfaces import AugmentationContext
from birads_zoo_plugins.augmentations import MammoOptions, _anatomy, birads_zoo_augmentations
from birads_zoo_plugins.augmentations._anatomy import anchored_warp

MAMMO = next(spec for spec in birads_zoo_augmentations() if spec.name == "mammo")


def breasts(count, height=96, width=72, reach=0.7, seed=0):
    """Half ellipses of even grey at the left edge, as high as the picture, up to a share of its width; N×1×H×W."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.linspace(-1, 1, height)[:, None]
    x = torch.linspace(0, 1, width)[None, :]
    reaches = reach * (0.8 + 0.2 * torch.rand(count, generator=generator))
    heights = 0.7 + 0.28 * torch.rand(count, generator=generator)
    inside = [(y / high) ** 2 + (x / far) ** 2 < 1 for far, high in zip(reaches, heights, strict=True)]
    return 0.6 * torch.stack(inside)[:, None].float()


def augmented(images, chest_left=True, **options):
    torch.manual_seed(1)
    context = AugmentationContext(
        height=images.shape[2], width=images.shape[3], chest_left=chest_left, options=MammoOptions(**options)
    )
    return MAMMO.build(context)(images)


def area(images):
    return (images > 0.2).float().sum((1, 2, 3))


def constant(count, value=1.0):
    return torch.full((count,), value)


def test_the_chest_wall_stays_at_the_left_edge():
    images = breasts(64)
    wall = (augmented(images)[:, 0, :, 0] > 0.2).float().sum(1) / (images[:, 0, :, 0] > 0.2).float().sum(1)
    assert wall.min() > 0.75, "share of its length, which shrinks with the breast"
    assert (augmented(images)[:, 0].amax(1)[:, 0] > 0.2).all()
    mirrored = augmented(images, anchored=False)[:, 0, :, 0].amax(1) < 0.2
    assert 0.3 < mirrored.float().mean() < 0.7, "not anchored, half of them are at the other edge"


def test_the_breast_stays_in_the_frame_and_keeps_its_shape(monkeypatch):
    """The remaining area is what follows from the scales, for breasts up to the frame's edges."""
    count, scales, resampled = 200, [], _anatomy._resampled
    images, generator = breasts(count, reach=1.0), torch.Generator().manual_seed(3)
    images[::2] = breasts(count // 2, reach=0.3)  # narrow breasts, with empty columns
    monkeypatch.setattr(_anatomy, "_resampled", lambda *args: scales.append(args[1:3]) or resampled(*args))
    wide, high = (0.85 + 0.35 * torch.rand(count, generator=generator) for _ in range(2))
    tilt = 40 * torch.rand(count, generator=generator) - 20
    shift = 0.12 * torch.rand(count, generator=generator) - 0.06
    moved = anchored_warp(images, scale_x=wide, scale_y=high, tilt_degrees=tilt, shift_y=shift)
    ((across, down),) = scales
    torch.testing.assert_close(across / down, wide / high)
    left = area(moved) / (area(images) * across * down)
    assert left.min() > 0.96
    assert left.max() < 1.04
    assert (across[::2] / wide[::2]).mean() > 0.93, "narrow breasts are reduced little"
    assert (across[1::2] / wide[1::2]).min() < 0.9, "breasts that fill the frame are reduced more"


def test_a_small_breast_uses_the_full_ranges():
    images = breasts(1, reach=0.5)
    images[:, :, :24] = images[:, :, -24:] = 0
    moved = anchored_warp(
        images,
        scale_x=constant(1, 1.1),
        scale_y=constant(1, 0.9),
        tilt_degrees=constant(1, 0.0),
        shift_y=constant(1, 0.05),
    )
    assert float(area(moved) / area(images)) == pytest.approx(1.1 * 0.9, abs=0.03)
    before, after = ((picture[0, 0] > 0.2).any(1).nonzero().float().mean() for picture in (images, moved))
    assert float(after - before) == pytest.approx(0.05 * 96, abs=0.6)


def test_a_breast_that_fills_the_frame_is_not_enlarged():
    images = torch.full((1, 1, 40, 30), 0.5)
    moved = anchored_warp(
        images,
        scale_x=constant(1, 1.15),
        scale_y=constant(1, 1.15),
        tilt_degrees=constant(1, 0.0),
        shift_y=constant(1, 0.06),
    )
    torch.testing.assert_close(moved, images, atol=1e-4, rtol=0)


def test_the_tilt_lifts_the_nipple_and_leaves_the_wall():
    images = breasts(1)
    images[:, :, :20] = images[:, :, -20:] = 0
    unit = constant(1)
    moved = anchored_warp(images, scale_x=unit, scale_y=unit, tilt_degrees=constant(1, 15.0), shift_y=constant(1, 0.0))
    wall, nipple = ((moved - images)[0, 0, :, at].abs().sum() for at in (0, 40))
    assert wall < 1 < nipple
    before, after = ((picture[0, 0, :, 40] > 0.2).nonzero().float().mean() for picture in (images, moved))
    assert float(after - before) == pytest.approx(40.5 * 0.268, abs=1)


def test_upside_down_is_upside_down_and_maps_move_along():
    images = breasts(2)
    images[:, :, 20:24, 5:9] = 1
    both = torch.cat([images, (images == 1).float()], 1)
    moved = anchored_warp(
        both, scale_x=constant(2), scale_y=constant(2, -1.0), tilt_degrees=constant(2, 0.0), shift_y=constant(2, 0.0)
    )
    torch.testing.assert_close(moved, both.flip(2), atol=1e-4, rtol=0)


def test_a_black_picture_stays_black():
    assert not augmented(torch.zeros(8, 1, 48, 40)).any()
