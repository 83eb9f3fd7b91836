"""Losses in single plugin files: other logits and rules, trained, exported, and read without the plugin."""

from pathlib import Path

import numpy as np
import pytest
import torch

from birads_zoo import conformance
from birads_zoo.artifact.manifest import OutputsPart
from birads_zoo.artifact.networks.classifiers import open_classifier
from birads_zoo.artifact.networks.exported import ExportedNetwork
from birads_zoo.artifact.networks.runtimes import open_onnx
from birads_zoo.artifact.networks.saving import save_network
from birads_zoo.data.prepare import prepare
from birads_zoo.devices import choose_compute
from birads_zoo.errors import UserError
from birads_zoo.interfaces import OutputsContext
from birads_zoo.model.build import build_classifier
from birads_zoo.model.head import ParallelLinear
from birads_zoo.plugin.host import load_host
from birads_zoo.progress import Screen
from birads_zoo.recipe import Recipe
from birads_zoo.training.fold import fit_fold

FILES = Path(__file__).parents[3] / "examples" / "plugins"
NAMES = {"cumulative-link": FILES / "cumulative_link.py", "multi-label": FILES / "multi_label.py"}
CPU = choose_compute("cpu", "float32")
LOGITS = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture(scope="module")
def host():
    return load_host(list(NAMES.values()))


@pytest.fixture(scope="module")
def fitted(host, phantom_root, tmp_path_factory):
    """Train by a loss: `fitted(name, options)` → the recipe, the data, the first fold's result, and its classifier."""
    cache = tmp_path_factory.mktemp("cache")

    def fit(name, options):
        recipe = Recipe().replace(
            {
                "dataset.root": str(phantom_root),
                "loss": {"name": name, "options": options},
                "model.backbone": "baseline_cnn",
                "image.height": 48,
                "image.width": 32,
                "split.folds": 2,
                "split.validation": 0.3,
                "training.epochs": 2,
                "training.precision": "float32",
            }
        )
        data = prepare(recipe, host, cache, Screen())
        checkpoints = tmp_path_factory.mktemp("checkpoints")
        (checkpoints / "fold-0").mkdir()
        result, classifier = fit_fold(
            recipe, host, data, data.folds[0], CPU, checkpoints, Screen(), on_epoch=lambda epoch: None
        )
        return recipe, data, result, classifier.eval()

    return fit


@pytest.mark.parametrize("name", NAMES)
def test_it_is_short_and_keeps_the_contract(host, name):
    assert len(NAMES[name].read_text(encoding="utf-8").splitlines()) <= 42
    assert conformance.check(host, "loss", name) == []


def test_cumulative_link_probabilities_are_differences_of_cumulative_probabilities(host):
    outputs = host.loss("cumulative-link").outputs(OutputsContext(classes=4))
    first = LOGITS[:, 0]
    gaps = torch.log1p(torch.exp(LOGITS[:, 1:] - first[:, None])) + 1e-3
    beyond = torch.sigmoid(torch.stack([first, first - gaps[:, 0], first - gaps.sum(1)], 1))
    certain, impossible = torch.ones(20, 1, dtype=torch.float64), torch.zeros(20, 1, dtype=torch.float64)
    expected = -torch.cat([certain, beyond, impossible], 1).diff(dim=1)
    torch.testing.assert_close(outputs.probabilities(LOGITS), expected)


@pytest.mark.parametrize("only_one", [False, True])
def test_multi_label_probabilities_follow_the_option(host, only_one):
    spec = host.loss("multi-label")
    outputs = spec.outputs(OutputsContext(classes=3, options=spec.options(only_one=only_one)))
    presence = torch.sigmoid(LOGITS)
    shares = presence / (1 - presence) if only_one else presence
    torch.testing.assert_close(outputs.probabilities(LOGITS), shares / shares.sum(1, keepdim=True))


@pytest.mark.parametrize(
    ("name", "options", "logits", "rule"),
    [
        pytest.param(
            *("cumulative-link", {}, 3, "p(y > k) = σ(s + b_k), with b_k falling from class to class"),
            marks=pytest.mark.slow,
        ),
        ("multi-label", {"only_one": True}, 4, "σ(z_k) / (1 − σ(z_k)), to sum 1"),
    ],
    ids=list(NAMES),
)
def test_it_is_trained_exported_and_read_without_its_plugin(host, fitted, tmp_path, name, options, logits, rule):
    recipe, data, result, classifier = fitted(name, options)
    assert (classifier.outputs.logits, classifier.outputs.rule) == (logits, rule)
    assert (isinstance(classifier.head.rest.logits, ParallelLinear)) == (name == "cumulative-link")
    np.testing.assert_allclose(result.test.sum(axis=1), 1, atol=1e-9)
    labels = data.labelled.labels[data.folds[0].validation]
    likelihood = np.log(result.validation[np.arange(len(labels)), labels]).mean()
    assert min(epoch.val_loss for epoch in result.history) == pytest.approx(-likelihood, rel=1e-5), "in nats per image"

    if torch.__version__ < "2.7":
        pytest.skip("ONNX needs PyTorch 2.7")
    network = ExportedNetwork(classifier.to(memory_format=torch.contiguous_format), own=1)
    save_network("onnx", network, recipe, tmp_path / "network")
    images, present = torch.rand(3, 1, 1, 48, 32), torch.ones(3, 1, dtype=torch.bool)
    with torch.inference_mode():
        for actual, expected in zip(
            open_onnx(tmp_path / "network", CPU)(images, present), network(images), strict=True
        ):
            torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-5)

    save_network("safetensors", network, recipe, tmp_path / "weights")
    trained = OutputsPart(logits=logits, rule=rule)
    open_classifier(tmp_path / "weights", recipe, host, 4, trained, CPU)
    with pytest.raises(UserError) as error:
        open_classifier(tmp_path / "weights", recipe, load_host(), 4, trained, CPU)
    assert str(error.value) == (
        f"this model needs the loss {name!r}, which no installed plugin registers; install that plugin or name its "
        "file with --plugin, or export the run as onnx"
    )


RULED = """
from birads_zoo import LossSpec, Outputs, hookimpl

@hookimpl
def birads_zoo_losses():
    outputs = lambda context: Outputs(logits=LOGITS, scores=lambda z: z[:, :context.classes], rule="RULE")
    return [LossSpec(name="ruled", summary="for a test", build=lambda context: None, outputs=outputs)]
"""


@pytest.mark.parametrize(("logits", "rule"), [("context.classes", "B: softmax of -3z"), ("6", "A: softmax")])
def test_weights_are_not_read_by_another_rule_than_in_training(tmp_path, logits, rule):
    def host_of(name, logits, rule):
        (tmp_path / name).write_text(RULED.replace("LOGITS", logits).replace("RULE", rule))
        return load_host([tmp_path / name])

    recipe = Recipe().replace(
        {"loss.name": "ruled", "model.backbone": "baseline_cnn", "image.height": 48, "image.width": 32}
    )
    own, trained = host_of("own.py", "context.classes", "A: softmax"), OutputsPart(logits=4, rule="A: softmax")
    save_network("safetensors", ExportedNetwork(build_classifier(recipe, own, 4), own=1), recipe, tmp_path / "weights")
    open_classifier(tmp_path / "weights", recipe, own, 4, trained, CPU)
    with pytest.raises(UserError) as error:
        open_classifier(tmp_path / "weights", recipe, host_of("other.py", logits, rule), 4, trained, CPU)
    count = 4 if logits != "6" else 6
    assert str(error.value) == (
        "this model's network has 4 logits, read by the rule 'A: softmax', but the loss 'ruled' that is registered "
        f"here has {count}, read by {rule!r}; use the plugins that the run was made with, or export the run as onnx"
    )
