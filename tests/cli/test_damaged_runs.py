"""A damaged checkpoint, and a run of an older version: each command that reads it says in one sentence what to do."""

import json
import shutil

import pytest

BEST = "checkpoints/fold-0/best.safetensors"


def _flip(path):
    content = bytearray(path.read_bytes())
    content[-9] ^= 4
    path.write_bytes(content)


DAMAGE = {
    "missing": (lambda path: path.unlink(), "No such file or directory"),
    "empty": (lambda path: path.write_bytes(b""), "is damaged or was not written by this program"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:2000]), "is damaged or was not written by this"),
    "a flipped bit": (_flip, "was changed after it was written"),
    "another fold's": (
        lambda path: shutil.copy(path.parents[1] / "fold-1" / path.name, path),
        "belongs to another recipe or fold",
    ),
}


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished run."""
    return shutil.copytree(finished[0], tmp_path / "run", ignore=shutil.ignore_patterns("figures"))


@pytest.fixture
def refusal(zoo, run, folder):
    """Run a command that must refuse the run, and return its sentence."""

    def refused(command):
        out = ["--out", folder / "model"] if command == "export" else []
        device = [] if command == "report" else ["--device", "cpu"]
        result = zoo(command, run, *out, *device)
        assert (result.status, result.out) == (2, ""), result.err
        assert "Traceback" not in result.err
        assert not (folder / "model").exists()
        assert not (run / "explanations").exists()
        return result.err.splitlines()[-1].removeprefix("birads-zoo: error: ")

    return refused


@pytest.mark.parametrize("digested", [False, True], ids=["after it was finished", "before it was finished"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_one_sentence(run, refusal, finish_again, damage, digested):
    change, reason = DAMAGE[damage]
    change(run / BEST)
    if digested:
        finish_again(run)
    for command in ("export", "explain"):
        sentence = refusal(command)
        assert sentence.startswith((f"checkpoint {run / BEST} ", f"cannot read checkpoint {run / BEST}: "))
        assert reason in sentence
        advice = f"; delete the folder {run / 'checkpoints' / 'fold-0'} and train its fold again"
        assert sentence.endswith(f"{advice} (birads-zoo run --resume {run})")


@pytest.mark.parametrize(
    ("number", "writer", "reason"), [(0, "0.0.1", "birads-zoo 0.0.1 in format 0"), (None, None, "an older birads-zoo")]
)
@pytest.mark.parametrize("name", ["environment.json", "metrics.json", "complete.json"])
def test_a_run_of_an_older_version_is_one_sentence(run, refusal, finish_again, name, number, writer, reason):
    values = json.loads((run / name).read_text())
    (run / name).write_text(json.dumps(values | {"format": number, "birads_zoo": writer}))
    if name != "complete.json":
        finish_again(run)
    for command in ("export", "explain", "report"):
        sentence = refusal(command)
        assert sentence.startswith(f"{run / name} was written by {reason}")
        assert ("; make its files again with" if name == "complete.json" else "; run it again") in sentence


@pytest.mark.parametrize("command", ["export", "explain", "report"])
def test_a_run_without_its_mark_of_completion_is_not_finished(run, refusal, command):
    (run / "complete.json").unlink()
    assert refusal(command) == f"{run} is not finished: go on with it (birads-zoo run --resume {run}) first"


def test_a_run_is_no_model(zoo, run, phantom_root):
    result = zoo("predict", run, phantom_root, "--device", "cpu")
    assert result.status == 2
    assert "Traceback" not in result.err
    assert result.err.splitlines()[-1].endswith("it has no manifest.json; give a folder that `birads-zoo export` made")
