"""Where in the picture the places of a feature map are."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from birads_zoo.interfaces import BackboneContext
from birads_zoo.model.build import build_classifier, feature_map_size
from birads_zoo.model.placing import place_size, resize_to_picture


def sized(backbone, height, width, channels=1):
    context = BackboneContext(in_channels=channels, height=height, width=width, pretrained=False)
    _, tall, wide = feature_map_size(backbone, context)
    return place_size(backbone, context, tall, wide)


@pytest.mark.parametrize(
    ("name", "place"), [("baseline_cnn", 8), ("resnet50", 32), ("mobilenet_v2", 32), ("swin_t", 32), ("vit_b_16", 16)]
)
@pytest.mark.parametrize("size", [(224, 224), (100, 60), (33, 97)])
def test_the_size_of_a_place_depends_on_the_strides_and_not_on_padding(host, name, place, size):
    backbone = host.backbone(name).build(BackboneContext(in_channels=3, height=64, width=64, pretrained=False))
    assert sized(backbone, *size, channels=3) == (place, place)


def test_measuring_a_place_computes_nothing_and_changes_nothing():
    backbone = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), nn.BatchNorm2d(2)).train()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    assert sized(backbone, 32, 32) == (2, 2)
    assert backbone.training
    assert all(torch.equal(before[name], value) for name, value in backbone.state_dict().items())


class _OneSize(nn.Module):
    def forward(self, images):
        if images.shape[-1] != 32:
            raise ValueError("only 32×32 will do")
        return images[..., ::4, ::4]


@pytest.mark.parametrize(
    "backbone",
    [_OneSize(), nn.AdaptiveAvgPool2d(4), nn.Upsample(scale_factor=3)],
    ids=["one-size", "one-number-of-places", "places-smaller-than-pixels"],
)
def test_places_that_cannot_be_measured_are_unknown(backbone):
    assert sized(backbone, 32, 32) is None


def test_without_padding_a_map_is_drawn_at_the_right_position():
    blocks = [nn.Sequential(nn.Conv2d(1, 1, 3, bias=False), nn.MaxPool2d(2)) for _ in range(3)]
    backbone = nn.Sequential(*blocks)
    for block in blocks:
        nn.init.constant_(block[0].weight, 1 / 9)
    place = sized(backbone, 96, 96)
    spots = range(12, 88, 4)
    off = {"placed": [], "stretched": []}
    for spot in spots:
        picture = torch.zeros(1, 1, 96, 96)
        picture[..., spot, spot] = 1
        with torch.no_grad():
            features = backbone(picture)
        for name, known in (("placed", place), ("stretched", None)):
            row, column = divmod(resize_to_picture(features, known, 96, 96).argmax().item(), 96)
            off[name].append(max(abs(row - spot), abs(column - spot)))
    assert max(off["placed"]) <= 8, "a spot is located to within one place"
    assert max(off["stretched"]) > 8, "ordinary resizing must be worse, or the test shows nothing"


def test_places_that_fill_the_picture_are_resized_as_usual():
    maps = torch.rand(2, 3, 7, 5)
    usual = F.interpolate(maps, size=(224, 160), mode="bilinear", align_corners=False)
    assert torch.equal(resize_to_picture(maps, (32, 32), 224, 160), usual)
    assert torch.equal(resize_to_picture(maps, None, 224, 160), usual)


def test_places_beyond_the_right_and_lower_edge_are_cropped():
    maps = torch.rand(2, 3, 4, 2)
    whole = F.interpolate(maps, size=(128, 64), mode="bilinear", align_corners=False)
    assert torch.equal(resize_to_picture(maps, (32, 32), 100, 60), whole[..., :100, :60])


def test_the_margin_has_no_value():
    large = resize_to_picture(torch.ones(1, 1, 1, 2), (2, 2), 3, 9)
    assert large.shape == (1, 1, 3, 9)
    assert torch.equal(large[0, 0, 0], torch.tensor([0.0, 0, 1, 1, 1, 1, 0, 0, 0]))
    assert large[0, 0, 2].eq(0).all()


def test_a_built_classifier_knows_its_places(small, host):
    classifier = build_classifier(small, host, 4)
    assert classifier.place == (8, 8)
    maps = torch.rand(1, 1, 2, 3)
    assert torch.equal(classifier.over_pictures(maps, 32, 40), resize_to_picture(maps, (8, 8), 32, 40))


class _Knowing(_OneSize):
    known = (5, 7)

    def place(self):
        return self.known


def test_a_backbone_of_one_size_can_give_the_size_of_its_places():
    assert sized(_Knowing(), 32, 32) == (5, 7)


def test_a_backbone_that_does_not_give_the_size_is_measured():
    backbone = _Knowing()
    backbone.known = None
    assert sized(backbone, 32, 32) is None
