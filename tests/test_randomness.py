import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from birads_zoo.randomness import derive, numpy_generator, seed_libraries, torch_generator

NAMES = st.lists(st.one_of(st.integers(0, 99), st.sampled_from(["fold", "epoch", "order"])), max_size=4)


@given(st.integers(0, 2**40), NAMES, NAMES)
def test_streams_are_fixed_by_their_names_and_differ_between_names(seed, names, other):
    assert derive(seed, *names) == derive(seed, *names)
    assert 0 <= derive(seed, *names) < 2**63
    if [str(part) for part in names] != [str(part) for part in other]:
        assert derive(seed, *names) != derive(seed, *other)


def test_every_generator_repeats_itself():
    assert numpy_generator(1, "a").integers(2**60) == numpy_generator(1, "a").integers(2**60)
    once, again = (torch.rand(3, generator=torch_generator(1, "a")) for _ in range(2))
    assert torch.equal(once, again)
    assert not np.array_equal(numpy_generator(1, "a").random(3), numpy_generator(1, "b").random(3))


def test_seeding_the_libraries_repeats_dropout():
    drop = torch.nn.Dropout(0.5)
    seed_libraries(7, "fold", 0)
    first = drop(torch.ones(100))
    seed_libraries(7, "fold", 0)
    assert torch.equal(first, drop(torch.ones(100)))
