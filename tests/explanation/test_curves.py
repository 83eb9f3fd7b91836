"""Deletion, insertion and ROAD, compared with values computed by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from birads_zoo.devices import choose_compute
from birads_zoo.explanation.curves import (
    FRACTIONS,
    PASSES_OF_A_MAP,
    PASSES_OF_A_PICTURE,
    ROAD_FRACTIONS,
    Removal,
    Views,
    blur,
    class_probability,
    measure_removal,
    prepare_removal,
)
from birads_zoo.model.classifier import Classifier
from birads_zoo.model.head import build_head
from birads_zoo.recipe import ModelSection

COMPUTE = choose_compute("cpu", "float32")


def mean_of(region):
    """Return a probability function that is the mean brightness in a region."""
    return lambda pictures: (pictures * region).sum((-2, -1)) / region.sum()


def removal(pictures, blurred, probability, noise=0.0):
    return Removal(
        pictures=pictures,
        blurred=blurred,
        ties=torch.zeros_like(pictures),
        noise=torch.full_like(pictures, noise),
        p_original=probability(pictures[:, None])[:, 0],
        p_blurred=probability(blurred[:, None])[:, 0],
    )


def generators(count):
    return [torch.Generator().manual_seed(number) for number in range(count)]


def test_both_areas_are_trapezoids_of_the_remaining_share():
    # The network's probability is the share of bright pixels; deleted pixels are dark. The map ranks by position.
    picture, region = torch.ones(1, 10, 10), torch.ones(10, 10)
    heat = torch.linspace(1, 0.01, 100).view(1, 10, 10)
    scores = measure_removal(heat, removal(picture, torch.zeros(1, 10, 10), mean_of(region)), mean_of(region))
    assert scores["deletion"].item() == pytest.approx(0.5)  # 1 − f, over all of f
    assert scores["insertion"].item() == pytest.approx(0.5)


def test_a_map_of_the_decisive_region_deletes_it_first():
    region = torch.zeros(10, 10)
    region[:1, :3] = 1  # 3 of 100 pixels, all deleted at the first fraction
    heat = region[None] * 0.9 + 0.01
    setup = removal(torch.ones(1, 10, 10), torch.zeros(1, 10, 10), mean_of(region))
    scores = measure_removal(heat, setup, mean_of(region))
    assert scores["deletion"].item() == pytest.approx(FRACTIONS[0] / 2)  # from 1 to 0 within it
    assert scores["insertion"].item() == pytest.approx(1 - FRACTIONS[0] / 2)
    worst = measure_removal(1 - heat, setup, mean_of(region))
    last = 1 - FRACTIONS[-1]
    assert worst["deletion"].item() == pytest.approx(1 - last / 2)
    assert worst["insertion"].item() == pytest.approx(last / 2)


def test_road_is_the_mean_probability_of_imputed_pictures():
    # In an even picture imputed pixels equal their surroundings, and only the noise remains.
    region = torch.zeros(20, 20)
    region[0, 0] = 1
    heat = region[None] * 0.9 + 0.01
    setup = removal(torch.full((1, 20, 20), 0.5), torch.zeros(1, 20, 20), mean_of(region), noise=0.01)
    assert measure_removal(heat, setup, mean_of(region))["road"].item() == pytest.approx(0.51, abs=1e-4)


def test_road_removes_a_spot_completely():
    picture, region = torch.full((1, 20, 20), 0.2), torch.zeros(20, 20)
    region[8:12, 8:12] = 1
    setup = removal(picture + 0.6 * region, picture, mean_of(region))
    assert setup.p_original.item() == pytest.approx(0.8)
    heat = region[None] * 0.5 + torch.rand(1, 20, 20) * 0.4
    assert measure_removal(heat, setup, mean_of(region))["road"].item() == pytest.approx(0.2, abs=0.02)
    assert len(ROAD_FRACTIONS) * min(ROAD_FRACTIONS) * 400 >= region.sum()


def test_deleting_more_evidence_first_never_raises_the_area():
    generator = torch.Generator().manual_seed(0)
    region = torch.rand(12, 12, generator=generator)
    setup = removal(torch.ones(1, 12, 12), torch.zeros(1, 12, 12), mean_of(region))
    right, reverse = region[None], 1 - region[None]
    for _ in range(20):
        other = torch.rand(1, 12, 12, generator=generator)
        scores = [measure_removal(heat, setup, mean_of(region)) for heat in (right, other, reverse)]
        deletions, insertions = ([areas[name].item() for areas in scores] for name in ("deletion", "insertion"))
        assert deletions == sorted(deletions)
        assert insertions == sorted(insertions, reverse=True)


def test_a_flat_map_is_ordered_by_smooth_noise_with_the_breast_first(breasts):
    masks = torch.from_numpy(breasts(2))
    setup = prepare_removal(torch.rand(2, 48, 40), masks, mean_of(torch.ones(48, 40)), generators(2))
    assert setup.ties[masks].min() > setup.ties[~masks].max()
    assert not torch.equal(setup.ties[0], setup.ties[1])
    again = prepare_removal(setup.pictures[:1], masks[:1], mean_of(torch.ones(48, 40)), generators(1))
    torch.testing.assert_close(again.ties[0], setup.ties[0])  # whatever else is in the batch
    torch.testing.assert_close(again.noise[0], setup.noise[0])


def test_blurring_keeps_breast_and_background_apart(breasts):
    masks = torch.from_numpy(breasts(1))
    even = blur(torch.where(masks, 0.7, 0.1), masks)
    torch.testing.assert_close(even, torch.where(masks, 0.7, 0.1), atol=1e-4, rtol=0)
    lesion = torch.zeros(1, 48, 40)
    lesion[:, 20:25, 10:15] = 0.5
    left = blur(torch.where(masks, 0.4, 0.0) + lesion, masks)[masks]
    assert left.max() - left.min() < 0.15  # of 0.5


def views_of(images, targets, present=None, view=0):
    """Return one picture of every sample, its view `view`; all pictures exist if `present` is not given."""
    count = len(images)
    return Views(
        images=images,
        present=torch.ones(images.shape[:2], dtype=torch.bool) if present is None else present,
        targets=targets,
        samples=torch.arange(count),
        views=torch.full((count,), view),
    )


def views_reader():
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.ReLU())
    head = build_head(ModelSection(fusion="difference", dropout=0.0), 3, 12, 10, 3)
    return Classifier(backbone, head, pixel_mean=(0.5,), pixel_std=(0.5,)).eval()


@pytest.mark.parametrize("view", [0, 1])
def test_only_the_view_that_is_explained_is_changed(view):
    classifier, images, targets = views_reader(), torch.rand(3, 2, 1, 24, 20), torch.tensor([2, 0, 1])
    present = torch.tensor([[True, True], [True, True], [True, view == 1]])
    probability = class_probability(classifier, views_of(images, targets, present, view), COMPUTE, batch_size=4)
    versions = torch.rand(3, 5, 24, 20)
    probabilities = probability(versions)
    assert probabilities.shape == (3, 5)
    for number in range(3):
        for version in range(5):
            changed = images[number : number + 1].clone()
            changed[0, view, 0] = versions[number, version]
            expected = classifier(changed, present[number : number + 1]).softmax(1)[0, targets[number]]
            assert probabilities[number, version].item() == pytest.approx(expected.item(), abs=1e-5)


def test_areas_are_between_0_and_1(reader, breasts):
    masks = torch.from_numpy(breasts(4))
    classifier, images = reader(masks[0], 10.0), torch.rand(4, 1, 1, 48, 40)
    probability = class_probability(classifier, views_of(images, torch.tensor([0, 1, 0, 1])), COMPUTE, 7)
    setup = prepare_removal(images[:, 0, 0], masks, probability, generators(4))
    for values in measure_removal(torch.rand(4, 48, 40), setup, probability).values():
        assert values.shape == (4,)
        assert np.all((values.numpy() > 0) & (values.numpy() < 1))


def test_the_border_of_deleted_pixels_is_soft_in_larger_pictures():
    batches = []

    def probability(versions):
        batches.append(versions)
        return versions.mean((-2, -1))

    heat = torch.linspace(1, 0, 160)[:, None].expand(160, 16)[None]  # from the top down
    picture = torch.ones(1, 160, 16)
    measure_removal(heat, removal(picture, torch.zeros_like(picture), probability), probability)
    half = batches[-1][0, FRACTIONS.index(0.4)]
    edge = half.mean(1)
    assert edge[:62].max() == 0
    assert edge[66:].min() == 1
    assert edge.diff().max() <= 0.25  # no step
    torch.testing.assert_close(half, half[:, :1].expand_as(half))


def test_the_number_of_forward_passes_is_as_stated():
    counts = []

    def probability(pictures):
        counts.append(pictures.shape[0] * pictures.shape[1])
        return pictures.mean((-2, -1))

    pictures = torch.rand(3, 12, 10)
    generators = [torch.Generator().manual_seed(number) for number in range(3)]
    setup = prepare_removal(pictures, pictures > 0, probability, generators)
    assert sum(counts) == 3 * PASSES_OF_A_PICTURE
    counts.clear()
    measure_removal(pictures, setup, probability)
    assert sum(counts) == 3 * PASSES_OF_A_MAP
