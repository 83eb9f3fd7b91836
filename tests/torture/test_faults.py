"""A run in which one file event or one large allocation fails, or that is killed there, ends cleanly and goes on."""

import pytest
from torture.faults import compiler, trials
from torture.trial import KINDS

pytestmark = pytest.mark.skipif(compiler() is None, reason="needs Linux and a C compiler")


def _failed(lines):
    return [{key: line[key] for key in ("event", "wrong", "faulty", "again")} for line in lines if line.get("wrong")]


@pytest.mark.parametrize("kind", ["full", "killed"])
def test_a_few_events(tmp_path, kind):
    lines = list(trials(tmp_path, kind, step=55, first=20))
    assert len(lines) > 3
    assert _failed(lines) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_many_events(tmp_path, kind):
    assert _failed(trials(tmp_path, kind, step=7)) == []
