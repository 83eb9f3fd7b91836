import pytest
import torch
from torch import nn

from birads_zoo.training.dry_run import dry_run_augmentation

CPU = torch.device("cpu")


class Brighter(nn.Module):
    def forward(self, images):
        return images + 0.1


def test_an_augmentation_that_brightens_a_map_is_refused_if_there_is_a_map():
    dry_run_augmentation(Brighter(), 32, 24, CPU)
    with pytest.raises(ValueError, match="changed the values of a map in the second channel"):
        dry_run_augmentation(Brighter(), 32, 24, CPU, maps=True)


def test_the_images_have_the_size_of_the_recipes():
    seen = []
    augment = nn.Identity()
    augment.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape)))
    dry_run_augmentation(augment, 32, 24, CPU)
    dry_run_augmentation(augment, 32, 24, CPU, maps=True)
    assert seen == [(2, 1, 32, 24), (2, 2, 32, 24)]
