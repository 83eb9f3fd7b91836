import pytest
import torch

from birads_zoo.errors import UserError
from birads_zoo_plugins.backbones._sizes import continued, fitting_size, within

PLACES = (4, 8, 16, 32)


def fitting(size, takes, usual=(224, 224), any_side=True):
    return fitting_size("a/net", size, usual, PLACES, takes, any_side=any_side)


def test_an_accepted_size_is_kept():
    assert fitting((200, 150), lambda size: True) == (200, 150)


def test_sides_are_multiples_of_patches_where_a_network_would_ignore_pixels():
    assert fitting((200, 150), lambda size: True, any_side=False) == (200, 152)


@pytest.mark.parametrize(
    ("takes", "size"),
    [
        (lambda size: size[0] % 32 == size[1] % 32 == 0, (224, 160)),
        (lambda size: size[0] == size[1], (200, 200)),
        (lambda size: size[0] == size[1] and size[0] % 16 == 0, (208, 208)),
        (lambda size: size == (224, 224), (224, 224)),
    ],
)
def test_the_smallest_size_around_the_picture_is_found(takes, size):
    assert fitting((200, 150), takes) == size


def test_the_area_is_at_most_doubled():
    with pytest.raises(UserError, match=r"a/net takes no pictures of 200x100, even if padded; it takes 224x224: set"):
        fitting((200, 100), lambda size: size == (224, 224))


def test_a_larger_size_of_the_same_shape_is_named():
    with pytest.raises(UserError) as refused:
        fitting((40, 60), lambda size: size[0] >= 75)
    assert str(refused.value) == (
        "a/net takes no pictures of 40x60, even if padded; it takes 224x224 or 96x128: set image.height and "
        "image.width (--image-size HxW)"
    )


def test_a_picture_is_padded_with_its_outermost_pixels_and_the_map_cropped():
    pictures = torch.rand(2, 1, 5, 6)
    padded = continued(pictures, (3, 2))
    assert padded.shape == (2, 1, 8, 8)
    assert torch.equal(padded[..., 5:, :6], pictures[..., -1:, :].expand(-1, -1, 3, -1))
    assert torch.equal(padded[..., :5, 6:], pictures[..., -1:].expand(-1, -1, -1, 2))
    maps = torch.arange(16.0).reshape(1, 1, 4, 4)  # a place for every 2×2 pixels: 2½ rows and 3 columns see the picture
    assert torch.equal(within(maps, pictures, (3, 2)), maps[..., :3, :3])
    assert within(maps, pictures, (0, 0)) is maps
