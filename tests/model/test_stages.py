import pytest
import torch
from torch import nn

from birads_zoo.errors import UserError
from birads_zoo.model.stages import cut_after, stages_of, stages_until


def backbone():
    body = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 3, 1), nn.Conv2d(3, 4, 1))
    return nn.Sequential(body, nn.Conv2d(4, 5, 1))


def test_parts_after_the_last_stage_are_removed_and_the_others_keep_names_and_weights():
    whole = backbone()
    cut = cut_after(whole, "0.1", ("0.0", "0.1", "0.2"), "net")
    assert set(cut.state_dict()) == {"0.0.weight", "0.0.bias", "0.1.weight", "0.1.bias"}
    image = torch.rand(1, 1, 4, 4)
    torch.testing.assert_close(cut(image), whole[0][1](whole[0][0](image)))


def test_an_unknown_part_is_refused_with_the_stages():
    with pytest.raises(UserError, match=r"net cannot end after a part '0\.7'; its stages are 0\.0, 0\.1"):
        cut_after(backbone(), "0.7", ("0.0", "0.1"), "net")


def test_a_network_with_an_unknown_order_is_refused():
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(1, 1, 1)

    with pytest.raises(UserError, match="cannot end after a part 'first'"):
        cut_after(Crossed(), "first", (), "net")


def test_a_chain_that_does_more_than_chain_is_refused():
    class Turned(nn.Sequential):
        def forward(self, images):
            return super().forward(images.mT).mT

    with pytest.raises(UserError, match=r"cannot end after a part '0\.0'"):
        cut_after(nn.Sequential(Turned(nn.Identity(), nn.Identity())), "0.0", (), "net")


def test_a_network_with_end_after_ends_itself():
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList([nn.Conv2d(1, 2, 1), nn.Conv2d(2, 3, 1)])
            self.scale = nn.Parameter(torch.ones(()))

        def end_after(self, stage):
            self.parts = self.parts[: ["parts.0", "parts.1"].index(stage) + 1]

    assert set(cut_after(Crossed(), "parts.0", (), "net").state_dict()) == {"parts.0.weight", "parts.0.bias", "scale"}
    with pytest.raises(UserError, match=r"net cannot end after a part 'scale'; its stages are parts\.0, parts\.1$"):
        cut_after(Crossed(), "scale", ("scale", "parts.0", "parts.1"), "net")


def test_stages_end_with_the_last_one():
    assert stages_until(("a", "b", "c"), "b") == ("a", "b")
    assert stages_until(("a", "b"), "") == ("a", "b")


class Knowing(nn.Identity):
    def stage_names(self):
        return ["stem", "body"]


def test_a_module_names_its_stages_if_its_spec_does_not():
    assert stages_of(Knowing(), ()) == ("stem", "body")
    assert stages_of(Knowing(), ("first",)) == ("first",)
    assert stages_of(nn.Identity(), ()) == ()
