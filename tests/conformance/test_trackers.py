"""Conformance checks of trackers: a sound tracker passes, and each way to break the contract is reported."""

import pytest

from birads_zoo import Options, Stop, TrackerSpec, conformance


class Sound:
    def __init__(self, context):
        (context.folder / "seen.txt").write_text(context.name)

    def started(self, run):
        print(run.run_id)

    def epoch(self, record):
        return Stop("enough") if record.val_loss is None else None

    def finished(self, run, metrics):
        assert metrics["macro_f1"] == 0.5

    def failed(self, reason):
        assert reason == "interrupted"


def findings(build, **fields):
    spec = TrackerSpec(name="x", summary="s", build=build, **fields)
    return [f"{finding.severity}: {finding}" for finding in conformance.check_tracker(spec)]


def test_a_sound_tracker_has_no_findings_and_prints_nothing_to_stdout(capsys):
    assert findings(Sound) == []
    assert capsys.readouterr().out == ""


def test_it_is_built_with_its_default_options():
    class Settings(Options, frozen=True, kw_only=True):
        level: int = 3

    seen = []

    def build(context):
        seen.append(context.options.level)
        return Sound(context)

    assert findings(build, options=Settings) == []
    assert seen == [3, 3]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"epoch": lambda self, record: True}, "`epoch` returned a value of type bool, not None or a Stop"),
        ({"epoch": lambda self, record: [][record.val_loss > 1]}, "it failed: IndexError: list index out of range"),
        (
            {"epoch": lambda self, record: abs(record.val_loss) and None},
            "it failed: TypeError: bad operand type for abs()",
        ),
        ({"started": lambda self: None}, "it failed: TypeError: "),
        ({"finished": lambda self, run, metrics: metrics["auroc"]}, "it failed: KeyError: 'auroc'"),
        ({"failed": None}, "it failed: TypeError: 'NoneType' object is not callable"),
    ],
)
def test_each_way_to_break_a_tracker(broken, message):
    (finding,) = findings(type("Broken", (Sound,), broken))
    assert finding.startswith("error: ")
    assert message in finding


@pytest.mark.parametrize("requires", ["mlflow", ("a.b",), (3,)])
def test_requires_has_to_hold_names_of_modules(requires):
    assert findings(Sound, requires=requires) == [
        "error: whose `requires` is not a tuple of names of top-level modules"
    ]


def test_a_tracker_without_its_packages_is_not_tried():
    def build(context):
        raise AssertionError("it was tried")

    assert findings(build, requires=("no_such_library",)) == [
        "warning: it was not tried, because no_such_library is not installed"
    ]
