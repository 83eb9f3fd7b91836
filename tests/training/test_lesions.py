import math

import pytest
import torch
from torch import nn

from birads_zoo.data.batches import Batch
from birads_zoo.interfaces import AugmentationContext
from birads_zoo.plugin.host import load_host
from birads_zoo.training.augment import augmented
from birads_zoo.training.lesions import lesion_loss


def one_lesion(size=32):
    lesions = torch.zeros(1, 1, size, size)
    lesions[0, 0, 0:8, 8:16] = 1  # the second place of the first row of a 4×4 map
    return lesions


def batch_of(images, lesions):
    present, count = torch.ones(images.shape[:2], dtype=torch.bool), len(images)
    return Batch(
        images=images, present=present, targets=torch.zeros(count), positions=torch.arange(count), lesions=lesions
    )


def test_places_without_evidence_have_the_loss_of_guessing():
    loss = lesion_loss(torch.zeros(1, 1, 2, 4, 4), one_lesion(), torch.tensor([1]))
    assert float(loss) == pytest.approx(math.log(2))


def test_right_places_have_a_low_loss_and_wrong_ones_a_high_loss():
    right = torch.zeros(1, 1, 2, 4, 4)
    right[0, 0, 1] = -10
    right[0, 0, 1, 0, 1] = 10
    assert float(lesion_loss(right, one_lesion(), torch.tensor([1]))) < 0.01
    assert float(lesion_loss(-right, one_lesion(), torch.tensor([1]))) > 5


def test_a_lesion_has_the_same_weight_as_all_other_places():
    blind = torch.zeros(1, 1, 2, 4, 4)
    blind[0, 0, 1] = -10  # everything is normal: right in 15 places, wrong in 1
    assert float(lesion_loss(blind, one_lesion(), torch.tensor([1]))) == pytest.approx(5, abs=0.01)


def test_a_lesion_smaller_than_a_place_still_marks_one():
    lesions = torch.zeros(1, 1, 32, 32)
    lesions[0, 0, 20, 20] = 1
    seen = torch.full((1, 1, 2, 4, 4), -10.0)
    seen[0, 0, 0] = 0
    seen[0, 0, 1, 2, 2] = 10
    assert float(lesion_loss(seen, lesions, torch.tensor([1]))) < 0.01


def test_a_picture_with_an_empty_map_should_show_its_class_nowhere():
    """A map of zeros means that there is no lesion: all places should have the first class, for any label."""
    empty, silent = torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 2, 4, 4)
    first = torch.stack([torch.full((1, 1, 4, 4), 10.0), torch.full((1, 1, 4, 4), -10.0)], dim=2)
    assert float(lesion_loss(first, empty, torch.tensor([1]))) < 1e-6
    assert float(lesion_loss(-first, empty, torch.tensor([1]))) == pytest.approx(10, abs=1e-3), "half of the 20 lost"
    assert float(lesion_loss(silent, empty, torch.tensor([1]))) == pytest.approx(math.log(2) / 2)


def test_pictures_without_marks_do_not_count():
    evidence = torch.randn(2, 1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    lesions = torch.cat([one_lesion(), torch.full((1, 1, 32, 32), -1.0)])
    alone = lesion_loss(evidence[:1], lesions[:1], torch.tensor([2]))
    torch.testing.assert_close(lesion_loss(evidence, lesions, torch.tensor([2, 1])), alone)
    assert float(lesion_loss(evidence[1:], lesions[1:], torch.tensor([1]))) == 0


def test_only_the_pictures_that_have_lesion_maps_count():
    evidence = torch.randn(2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    lesions, targets = torch.cat([one_lesion(), one_lesion().flip(-1)]), torch.tensor([1, 1])
    both = torch.cat([lesions, lesions.flip(-2)], dim=1)
    first, second = (lesion_loss(evidence[:, [v]], both[:, [v]], targets) for v in (0, 1))
    torch.testing.assert_close(lesion_loss(evidence, lesions, targets), first)
    torch.testing.assert_close(lesion_loss(evidence, both, targets), (first + second) / 2)


@pytest.mark.parametrize("name", ["mammo", "paper"])
def test_a_lesion_moves_with_its_picture(name):
    spec = load_host().augmentation(name)
    augment = spec.build(AugmentationContext(height=64, width=64, options=spec.options()))
    images = torch.full((8, 3, 1, 64, 64), 0.2)
    images[:, 0, 0, 20:36, 24:40] = 0.9
    images[:, 1, 0, 40:56, 10:26] = 0.9
    lesions = torch.zeros(8, 2, 64, 64)
    lesions[:, 0, 20:36, 24:40] = 1
    lesions[:, 1, 40:56, 10:26] = 1
    torch.manual_seed(0)
    pictures, moved = augmented(augment, batch_of(images, lesions))
    assert pictures.shape == images.shape
    assert moved.shape == lesions.shape
    for picture, lesion in zip(pictures[:, :2, 0].flatten(0, 1), moved.flatten(0, 1), strict=True):
        middle = picture.min() + 0.5 * (picture.max() - picture.min())
        overlap = ((picture > middle) & (lesion > 0.5)).sum() / ((picture > middle) | (lesion > 0.5)).sum()
        assert overlap > 0.85
        assert 0 <= lesion.min() <= lesion.max() <= 1 + 1e-6, "changes of intensity do not change a map"


def test_no_augmentation_keeps_features_and_lesions():
    batch = batch_of(torch.rand(2, 1, 3), one_lesion())
    assert augmented(nn.Identity(), batch) == (batch.images, batch.lesions)
