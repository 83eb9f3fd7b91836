import pytest
from torch import nn

from birads_zoo.model.modes import evaluating


def test_the_mode_of_every_part_is_restored_also_after_an_error():
    module = nn.Sequential(nn.Dropout(), nn.BatchNorm2d(3).eval())

    def fail():
        with evaluating(module):
            assert not any(part.training for part in module.modules())
            module[1].train()
            raise KeyError("stop")

    before = [part.training for part in module.modules()]
    assert before == [True, True, False]
    with pytest.raises(KeyError):
        fail()
    assert [part.training for part in module.modules()] == before
