"""A loss's outputs shape the head and define the classifier's probabilities; invalid outputs are refused."""

import pytest
import torch

from birads_zoo.errors import UserError
from birads_zoo.interfaces import Outputs, OutputsContext, softmax_outputs
from birads_zoo.model.build import build_classifier
from birads_zoo.model.head import build_head
from birads_zoo.plugin.host import load_host
from birads_zoo.recipe import ModelSection

PLUGIN = """
from birads_zoo import LossSpec, Outputs, hookimpl

def outputs(context):
    return {outputs}

@hookimpl
def birads_zoo_losses():
    return [LossSpec(name="odd", summary="a test's own", build=lambda context: None, outputs=outputs)]
"""


@pytest.fixture
def odd_host(tmp_path):
    def load(outputs):
        (tmp_path / "odd.py").write_text(PLUGIN.format(outputs=outputs))
        return load_host([tmp_path / "odd.py"])

    return load


def test_softmax_outputs_agree_with_torch_bit_for_bit():
    logits = 9 * torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    outputs = softmax_outputs(OutputsContext(classes=4))
    assert outputs.logits == 4
    assert outputs.scores(logits) is logits
    assert torch.equal(outputs.probabilities(logits.double()), logits.double().softmax(1))


def test_a_classifier_has_the_logits_of_its_loss_and_reads_them_by_its_rule(small, host):
    model = build_classifier(small.replace({"loss.name": "corn"}), host, 4).eval()
    with torch.inference_mode():
        logits = model(torch.rand(5, 1, 1, 32, 40))
    assert logits.shape == (5, 3)
    beyond = logits.sigmoid().cumprod(1)
    torch.testing.assert_close(1 - model.probabilities(logits).cumsum(1)[:, :-1], beyond)
    torch.testing.assert_close(model.scores(logits).softmax(1), model.probabilities(logits))


def test_logits_that_share_their_weights_differ_only_by_their_biases():
    shared = Outputs(logits=3, scores=lambda logits: logits, rule="r", shared_weights=True)
    head = build_head(ModelSection(dropout=0.0), 6, 2, 3, 4, outputs=shared)
    features = torch.randn(5, 1, 6, 2, 3)
    assert sum(parameter.numel() for parameter in head.parameters()) == 6 + 3
    assert (head(features) == head(features)[:, :1]).all(), "the biases start at 0"
    with torch.no_grad():
        head.rest.logits.bias.copy_(torch.tensor([1.0, 0.0, -2.0]))
    torch.testing.assert_close(head(features).diff(dim=1), torch.tensor([[-1.0, -2.0]]).expand(5, 2))


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_evidence_of_places_needs_one_logit_for_each_class(small, host, weight):
    recipe = small.replace({"loss.name": "corn", "model.evidence": True, "training.lesion_weight": weight})
    with pytest.raises(UserError) as error:
        build_classifier(recipe, host, 4)
    assert str(error.value) == (
        "model.evidence needs a loss with one logit for each class, but 'corn' has 3 for 4 classes; set "
        "model.evidence=false and training.lesion_weight=0, or choose another loss"
    )


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ("4", "ValueError: its `outputs` returned a int, not Outputs"),
        ("1 / 0", "ZeroDivisionError: division by zero (line 5)"),
        (
            "Outputs(logits=2, scores=lambda logits: logits, rule='r')",
            "ValueError: logits of the shape (2, 2) gave scores of the shape (2, 2), not (2, 4)",
        ),
    ],
)
def test_invalid_outputs_are_an_error_that_names_the_plugin(small, odd_host, outputs, reason):
    with pytest.raises(UserError, match=r"^loss 'odd' \(plugin .*odd\.py\) failed: ") as error:
        build_classifier(small.replace({"loss.name": "odd"}), odd_host(outputs), 4)
    assert str(error.value).endswith(reason)


def test_an_unknown_loss_is_refused_with_a_similar_name(small, host):
    with pytest.raises(UserError, match=r"unknown loss 'acorn'; did you mean 'corn'\?"):
        build_classifier(small.replace({"loss.name": "acorn"}), host, 4)
