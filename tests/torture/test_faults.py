"""A run in which one file event or one large allocation fails, or that is killed there, ends cleanly and goes on."""

import pytest
from torture.faults import compiler, trials
from torture.trial import FAULTS

pytestmark = pytest.mark.skipif(compiler() is None, reason="needs Linux and a C compiler")


def test_a_few_events(tmp_path):
    tried = list(trials(tmp_path, {"full": 110, "killed": 110}, first=80))
    assert len(tried) >= 4
    assert [trial for trial in tried if trial["wrong"]] == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_events(tmp_path):
    assert [trial for trial in trials(tmp_path, dict.fromkeys(FAULTS, 11)) if trial["wrong"]] == []
