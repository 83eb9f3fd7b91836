"""Licences of weights that restrict how a model is used are named before it is passed on or served."""

import pytest

from birads_zoo.artifact.licences import licences_of, restrictions, warning
from birads_zoo.recipe import Recipe
from birads_zoo.recipes.registry import load_registry

FREE = [
    "net: trained from apache-2.0",
    "net: trained from torchvision IMAGENET1K_V1: code BSD-3-Clause; ImageNet's own terms (non-commercial research) "
    "may bind the weights",
    "net: trained from CC BY 4.0",
    "data set x: its terms (non-commercial research) may also apply to a model trained on it",
    "birads-zoo: MIT",
]
RESTRICTED = [
    "net: trained from cc-by-nc-4.0",
    "net: trained from cc-by-nd-4.0",
    "net: trained from a research-only licence, no redistribution",
    "net: trained from non-commercial weights; ImageNet's own terms (non-commercial research) may bind the weights",
    "net: trained from the data use agreement of the hospital",
]


@pytest.mark.parametrize("licence", FREE)
def test_a_free_licence_gives_no_warning(licence):
    assert warning([licence], "serve it") == ""


@pytest.mark.parametrize("licence", RESTRICTED)
def test_a_restricting_licence_is_quoted(licence):
    assert restrictions([*FREE, licence]) == [licence]
    text = warning([*FREE, licence], "pass the model on")
    assert licence in text
    assert text.endswith("Read it before you pass the model on")


def test_the_registry_may_state_a_licence_and_the_data_sets_terms_are_named(host):
    recipe = Recipe().replace({"model.backbone": "resnet50", "dataset.name": "mini-mias"})
    lines = licences_of(recipe, host, load_registry())
    assert lines[0] == "birads-zoo: MIT"
    assert lines[1].startswith("resnet50: trained from torchvision IMAGENET1K_V1")
    assert lines[2] == (
        "data set mini-mias: its terms (for research; see the licence agreement in the archive) may also apply to a "
        "model trained on it"
    )
    assert restrictions(lines) == []
