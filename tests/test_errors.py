"""Warnings point to the user's own line, and a lack of memory is known by the words of each library."""

import pytest

import birads_zoo as bz
from birads_zoo.errors import is_out_of_memory


def test_a_warning_points_to_the_line_that_called_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "registry.toml").write_text('[plugins]\nfiles = ["broken.py"]\n')
    with pytest.warns(bz.BiradsZooWarning, match="ZeroDivisionError") as caught:
        bz.list_backbones()
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: 4 bytes"), True),
        (RuntimeError("could not create a primitive"), True),
        (RuntimeError("could not create a primitive descriptor for a convolution forward propagation"), False),
        (RuntimeError("can't start new thread"), True),
        (OSError("codec configuration error when writing image file"), True),
        (OSError("codec configuration error when reading image file"), False),  # such a file may be the cause
        (ValueError("memory"), False),
    ],
    ids=repr,
)
def test_a_lack_of_memory_is_known_by_the_words_of_each_library(error, memory):
    assert is_out_of_memory(error) is memory
