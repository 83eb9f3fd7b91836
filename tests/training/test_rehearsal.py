import pytest
import torch
from torch import nn

from birads_zoo.host import load_host
from birads_zoo.interfaces import AugmentationOptions
from birads_zoo.training.rehearsal import rehearse_augmentation

CPU = torch.device("cpu")


class Brighter(nn.Module):
    def forward(self, images):
        return images + 0.1


@pytest.mark.parametrize("name", ["none", "paper", "mammo"])
def test_the_bundled_augmentations_take_maps_along(name):
    augment = load_host().augmentation(name).build(AugmentationOptions(height=32, width=24))
    rehearse_augmentation(augment, 32, 24, CPU, maps=True)


def test_an_augmentation_that_brightens_a_map_is_refused_where_there_is_one():
    rehearse_augmentation(Brighter(), 32, 24, CPU)
    with pytest.raises(ValueError, match="changed the values of a map in the second channel"):
        rehearse_augmentation(Brighter(), 32, 24, CPU, maps=True)
