import warnings
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from birads_zoo.errors import BiradsZooWarning, UserError
from birads_zoo.model.build import build_classifier, feature_map_size
from birads_zoo.plugin.host import load_host
from birads_zoo.recipe import Recipe
from birads_zoo.recipes.ablations import apply_ablations

PAPER_CNN = {"image.height": 224, "image.width": 224, "model.pooling": "flatten", "model.hidden": 256}
PAPER_RESNET50 = {
    "model.backbone": "resnet50",
    "model.norm": "batch",
    "model.input_dropout": 0.5,
    "model.hidden": 256,
    "model.dropout": 0.0,
    "model.freeze": "all",
}
NAMES = ("baseline_cnn", "resnet50", "efficientnet_b0", "mobilenet_v2")
PLUGIN = """
from birads_zoo import AblationSpec, BackboneSpec, hookimpl
from torch import nn

class Odd(nn.Module):
    def forward(self, images):
        {forward}

def build(context):
    {build}

def change(classifier):
    {change}

@hookimpl
def birads_zoo_backbones():
    return [BackboneSpec(name="odd", summary="broken on purpose", build=build)]

@hookimpl
def birads_zoo_ablations():
    return [AblationSpec(name="no-thing", summary="broken on purpose", model=change)]
"""


@pytest.fixture
def odd_host(tmp_path):
    def load(build="return Odd()", forward="return images", change="return classifier"):
        path = tmp_path / "odd.py"
        path.write_text(PLUGIN.format(build=build, forward=forward, change=change))
        return load_host([path])

    return load


def trainable(model):
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def test_the_papers_cnn_has_the_papers_parameters(small, host):
    assert trainable(build_classifier(small.replace(PAPER_CNN), host, 4)) == 22_246_148


@pytest.mark.filterwarnings("ignore:the frozen part of resnet50")
def test_the_papers_resnet50_trains_the_papers_parameters(small, host):
    model = build_classifier(small.replace(PAPER_RESNET50), host, 4)
    assert trainable(model) == 529_668
    assert sum(value.numel() for name, value in model.state_dict().items() if "num_batches" not in name) == (
        24_121_476 - 26_560 + 6  # the paper's, minus the biases of Keras' convolutions, plus three means and deviations
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_backbone_goes_from_images_of_two_views_to_logits(small, host, name):
    model = build_classifier(small.replace({"model.backbone": name}), host, 3).eval()
    with torch.no_grad():
        assert model(torch.rand(2, 2, 1, 32, 40)).shape == (2, 3)


def test_building_draws_only_from_the_global_generator(small, host):
    torch.manual_seed(7)
    first = build_classifier(small, host, 4)
    torch.manual_seed(7)
    second = build_classifier(small, host, 4)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_measuring_the_feature_map_keeps_mode_and_statistics(small, host):
    model = build_classifier(small, host, 4)
    assert all(part.training for part in model.modules())
    assert not any(value.any() for name, value in model.state_dict().items() if name.endswith("running_mean"))


def test_weights_from_a_file_are_not_downloaded(small, host, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", lambda *a, **k: pytest.fail("went to the network"))
    recipe = small.replace({"model.backbone": "mobilenet_v2"})
    source = build_classifier(recipe, host, 4).backbone.state_dict()
    path = tmp_path / "net.safetensors"
    save_file(source, path)
    model = build_classifier(recipe.replace({"model.pretrained": True, "model.weights": str(path)}), host, 4)
    assert all(torch.equal(source[name], value) for name, value in model.backbone.state_dict().items())


@pytest.mark.parametrize(
    "error",
    [
        URLError("Name or service not known"),
        TimeoutError("timed out"),
        RuntimeError('invalid hash value (expected "b0353104", got "0000")'),
    ],
)
def test_without_a_network_the_error_suggests_a_file_or_random_weights(small, host, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    with pytest.raises(UserError) as caught:
        build_classifier(small.replace({"model.backbone": "mobilenet_v2", "model.pretrained": True}), host, 4)
    text = str(caught.value)
    assert text.startswith("cannot fetch the pretrained weights of mobilenet_v2 (")
    assert "give a local file with --weights FILE, or start from random weights with --no-pretrained" in text
    assert "\n" not in text


def test_frozen_random_features_give_a_warning(small, host):
    with pytest.warns(BiradsZooWarning, match="the frozen part of baseline_cnn has random weights, which will not be"):
        build_classifier(small.replace({"model.freeze": "early"}), host, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_classifier(small, host, 4)


def test_an_unknown_backbone_is_refused_with_a_similar_name(small, host):
    with pytest.raises(UserError, match=r"unknown backbone 'resnet5'; did you mean 'resnet50'\?"):
        build_classifier(small.replace({"model.backbone": "resnet5"}), host, 4)


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        ({"build": "raise ValueError('no such layer')"}, "ValueError: no such layer"),
        ({"build": "return None"}, "it built a NoneType, not a torch module"),
        ({"forward": "raise KeyError('x')"}, "KeyError: 'x'"),
        ({"forward": "return [images]"}, "it returned a list, not a feature map N×D×h×w"),
        ({"forward": "return images.mean((2, 3))"}, "for two 32×40 images it returned the shape (2, 1), not a feature"),
        ({"forward": "return images[:, :, :0]"}, "it returned the shape (2, 1, 0, 40), not a feature map"),
        ({"forward": "return images[:1]"}, "for two 32×40 images it returned the shape (1, 1, 32, 40), not a feature"),
    ],
)
def test_a_broken_backbone_is_an_error_that_names_its_plugin(small, odd_host, plugin, reason):
    with pytest.raises(UserError) as caught:
        build_classifier(small.replace({"model.backbone": "odd"}), odd_host(**plugin), 4)
    text = str(caught.value)
    assert "backbone 'odd' (plugin" in text
    assert "odd.py) failed: " in text
    assert reason in text


def test_images_too_small_for_a_backbone_are_an_error_that_names_it(small, host):
    expected = r"baseline_cnn does not take pictures as small as 16x3 \(.+\); set image.height and image.width"
    with pytest.raises(UserError, match=expected):
        build_classifier(small.replace({"image.height": 16, "image.width": 3}), host, 4)


def test_a_plugins_own_runtime_error_is_not_taken_for_a_missing_network(small, odd_host):
    recipe = small.replace({"model.backbone": "odd", "model.pretrained": True})
    with pytest.raises(UserError, match="RuntimeError: 3 and 4 do not match"):
        build_classifier(recipe, odd_host(build="raise RuntimeError('3 and 4 do not match')"), 4)


@pytest.mark.parametrize(
    "change",
    [
        "classifier.head.rest.logits = nn.Identity(); return classifier",
        "classifier.pixel_mean.add_(1); return classifier",
        "nn.init.zeros_(classifier.head.rest.logits.weight); return classifier",
        "classifier.head.rest.dropout.p = 0.0; return classifier",
        "classifier.head.requires_grad_(False); return classifier",
    ],
)
def test_any_change_of_the_model_by_an_ablation_is_accepted(small, odd_host, change):
    classifier = build_classifier(small.replace({"ablations": ("no-thing",)}), odd_host(change=change), 4)
    assert len(classifier(torch.rand(2, 1, 1, 32, 32))) == 2, "what comes back still classifies images"


def test_an_ablation_that_changes_nothing_is_refused(small, odd_host):
    with pytest.raises(UserError) as caught:
        build_classifier(small.replace({"ablations": ("no-thing",)}), odd_host(), 4)
    assert str(caught.value).startswith("ablation 'no-thing' changes nothing here: baseline_cnn and its head")
    assert str(caught.value).endswith("leave --no-thing out")


TWO_HALVES = """
from birads_zoo import AblationSpec, hookimpl

def appending(name):
    def change(classifier):
        classifier.backbone.order = (*getattr(classifier.backbone, "order", ()), name)
        classifier.backbone.register_buffer(name, classifier.pixel_mean.clone())
        return classifier

    return change

@hookimpl
def birads_zoo_ablations():
    return [
        AblationSpec(name="no-a", summary="s", model=appending("no-a")),
        AblationSpec(name="no-b", summary="s", model=appending("no-b")),
        AblationSpec(name="no-both", summary="s", recipe=lambda recipe: recipe, model=lambda classifier: classifier),
    ]
"""


@pytest.fixture
def two_halves(tmp_path):
    path = tmp_path / "two_halves.py"
    path.write_text(TWO_HALVES)
    return load_host([path])


def test_an_ablation_of_recipe_and_model_that_changes_neither_is_refused(small, two_halves):
    recipe = apply_ablations(small.replace({"ablations": ("no-both",)}), two_halves)
    with pytest.raises(UserError, match=r"^ablation 'no-both' changes nothing here: .* leave --no-both out$"):
        build_classifier(recipe, two_halves, 4)


@pytest.mark.parametrize("names", [("no-a", "no-b"), ("no-b", "no-a")])
def test_changes_to_the_model_are_made_in_the_order_of_the_runs_id(small, two_halves, names):
    recipe = small.replace({"ablations": names})
    assert build_classifier(recipe, two_halves, 4).backbone.order == ("no-a", "no-b")
    assert recipe.run_id == "baseline_cnn+no-a+no-b"


@pytest.mark.parametrize(
    ("change", "reason"),
    [("return None", "it returned a NoneType, not the classifier"), ("raise ValueError('oh')", "ValueError: oh")],
)
def test_a_broken_ablation_is_an_error_that_names_its_plugin(small, odd_host, change, reason):
    with pytest.raises(UserError) as caught:
        build_classifier(small.replace({"ablations": ("no-thing",)}), odd_host(change=change), 4)
    assert "ablation 'no-thing' (plugin" in str(caught.value)
    assert reason in str(caught.value)


def test_imagenet_weights_give_torchvisions_features(small, host, mobilenet_weights):
    from torchvision.models import mobilenet_v2

    reference = mobilenet_v2().eval()
    reference.load_state_dict(torch.load(mobilenet_weights, weights_only=True))
    recipe = small.replace({"model.backbone": "mobilenet_v2", "model.weights": str(mobilenet_weights)})
    model = build_classifier(recipe, host, 4).eval()
    grey = torch.rand(2, 1, 64, 64)
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        expected = reference.features((grey.repeat(1, 3, 1, 1) - mean) / std)
        torch.testing.assert_close(model.features(grey[:, None])[:, 0], expected, rtol=1e-4, atol=1e-4)


def test_imagenet_weights_classify_a_grey_photograph(small, host, mobilenet_weights):
    """From pixels to logits, with ImageNet's own head: a Chinese temple in grey is a palace (class 698)."""
    from sklearn.datasets import load_sample_image

    recipe = small.replace({"model.backbone": "mobilenet_v2", "model.weights": str(mobilenet_weights)})
    model = build_classifier(recipe, host, 1000).eval()
    state = torch.load(mobilenet_weights, weights_only=True)
    model.head.rest.logits.load_state_dict({"weight": state["classifier.1.weight"], "bias": state["classifier.1.bias"]})
    picture = Image.fromarray(load_sample_image("china.jpg")).convert("L").crop((106, 0, 533, 427)).resize((224, 224))
    grey = torch.tensor(np.array(picture), dtype=torch.float32)[None, None, None] / 255
    with torch.no_grad():
        probabilities = model(grey).softmax(1)[0]
    assert probabilities.argmax() == 698
    assert probabilities[698] > 0.5


def test_imagenet_weights_of_another_backbone_are_refused(small, host, mobilenet_weights):
    recipe = small.replace({"model.backbone": "efficientnet_b0", "model.weights": str(mobilenet_weights)})
    with pytest.raises(UserError, match=r"do not fit: .* entries are missing"):
        build_classifier(recipe, host, 4)


def test_the_feature_map_size_is_measured_not_assumed(host):
    from birads_zoo.interfaces import BackboneContext

    context = BackboneContext(in_channels=3, height=64, width=96, pretrained=False)
    backbone = host.backbone("resnet50").build(context)
    assert feature_map_size(backbone, context) == (2048, 2, 3)


def test_the_recipe_may_set_the_pixel_range_but_not_the_number_of_channels(host):
    recipe = Recipe().replace(
        {"model.backbone": "baseline_cnn", "model.pixel_mean": [0.5] * 3, "model.pixel_std": [0.25] * 3}
    )
    recipe = recipe.replace({"image.height": 32, "image.width": 32})
    classifier = build_classifier(recipe, host, 2)
    assert classifier.normalise(torch.full((1, 1, 4, 4), 0.75)).unique().tolist() == [1.0]
    with pytest.raises(UserError, match="need 3 values each, one for every input channel of baseline_cnn, not 1 and 3"):
        build_classifier(recipe.replace({"model.pixel_mean": [0.5]}), host, 2)
