"""Families of backbones: members are resolved by name, on request."""

import pytest

from birads_zoo.errors import UserError
from birads_zoo.interfaces import BackboneSpec
from birads_zoo.plugin.host import load_host

FAMILY = """
from birads_zoo import BackboneFamily, BackboneSpec, hookimpl

calls = []

def build(context):
    from torch import nn
    return nn.Conv2d(context.in_channels, 8, 3, stride=4)

def resolve(name):
    calls.append(name)
    return BackboneSpec(name={named}, summary="one of " + {{"small": "2", "large": "4"}}[name], build=build)

def names():
    calls.append("names")
    return ["large", "small"]

@hookimpl
def birads_zoo_backbones():
    return [BackboneFamily(prefix="acme", summary="ACME's networks", names={names}, resolve=resolve)]
"""


@pytest.fixture
def family(write):
    def make(named='f"acme/{name}"', names="names"):
        return write("acme_family.py", FAMILY.format(named=named, names=names))

    return make


def test_a_member_is_resolved_by_its_name(family):
    host = load_host([family()])
    spec = host.backbone("acme/small")
    assert (spec.name, spec.summary) == ("acme/small", "one of 2")
    assert host.registered("backbone", "acme/small").plugin.endswith("acme_family.py")


def test_members_are_not_among_the_listed_backbones_and_nothing_is_resolved_at_start(family):
    host = load_host([family()])
    assert not any(name.startswith("acme") for name in host.backbones)
    assert host.families["acme"].spec.resolve.__globals__["calls"] == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acme/smal", "unknown backbone 'acme/smal'; did you mean 'acme/small'"),
        ("acmee/small", "did you mean"),
        ("acme", "unknown backbone 'acme'; "),
    ],
)
def test_an_unknown_member_or_family_names_the_nearest(family, name, message):
    with pytest.raises(UserError) as error:
        load_host([family()]).backbone(name)
    assert message in str(error.value)


def test_a_family_that_resolves_to_another_name_is_called_broken(family):
    with pytest.raises(UserError, match=r"its family 'acme' has 'acme/small', whose name is 'small'"):
        load_host([family(named="name")]).backbone("acme/small")


def test_a_family_without_its_functions_is_refused(family):
    with pytest.raises(UserError, match=r"a family of backbones 'acme', whose `names` is None, not a function"):
        load_host([family(names="None")])


def test_two_families_of_one_prefix_name_both_plugins(family, write):
    path = family()
    second = write("second.py", path.read_text())
    with pytest.raises(UserError, match=r"two plugins claim the backbone name 'acme/'"):
        load_host([path, second])


def test_an_error_of_a_members_code_names_the_plugin(family):
    host = load_host([family()])
    expected = pytest.raises(
        UserError, match=r"backbone 'acme/small' \(plugin .*acme_family.py\) failed: ValueError: no"
    )
    with expected, host.building("backbone", "acme/small"):
        raise ValueError("no")


def test_a_spec_outside_a_family_cannot_have_a_slash():
    from birads_zoo.plugin.kinds import fault_of_spec, kind_of

    spec = BackboneSpec(name="a/b", summary="s", build=lambda context: None)
    assert "letters, digits" in fault_of_spec(kind_of("backbone"), spec)
