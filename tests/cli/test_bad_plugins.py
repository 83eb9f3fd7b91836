"""A plugin that fails, end to end: one sentence that names it, status 2, no traceback, and no incomplete files."""

import pytest

pytestmark = pytest.mark.usefixtures("no_figures")

SMALL = ["--image-size", "32x32", "--epochs", "1", "--folds", "2", "--device", "cpu"]
NET = ["--backbone", "baseline_cnn"]
PLUGIN = """
from birads_zoo import {spec}, hookimpl

def build(context):
    import torch
    from torch import nn
    calls = []
    class Part(nn.Module):
        def forward(self, *given):
            calls.append(None)
            first = given[0]
            return {result}
    {before}
    return Part()

@hookimpl
def birads_zoo_{hook}():
    return [{spec}(name="my-part", summary="a test's own", build=build)]
"""
KINDS = {
    "backbone": ("BackboneSpec", "backbones", ["--backbone", "my-part"]),
    "loss": ("LossSpec", "losses", [*NET, "--loss", "my-part"]),
    "augmentation": ("AugmentationSpec", "augmentations", [*NET, "--augmentation", "my-part"]),
}
NO_IMAGES = "images of the shape (2, 1, 32, 32) became"
NO_MAP = "for two 32×32 images it returned the shape (2, 8), not a feature map N×D×h×w"


@pytest.fixture
def run_with(folder, phantom_root):
    """Write a plugin whose `build` does `before` and whose module returns `result`; return the run that uses it."""

    def arguments(kind, result="first", before="pass"):
        spec, hook, flags = KINDS[kind]
        (folder / "mine.py").write_text(PLUGIN.format(spec=spec, hook=hook, result=result, before=before))
        return ["run", "--plugin", "mine.py", "--root", phantom_root, *SMALL, *flags]

    return arguments


def test_a_plugin_that_raises_at_import(refused, run_with, folder):
    arguments = run_with("backbone")
    (folder / "mine.py").write_text("import no_such_library\n")
    message = refused(*arguments)
    assert "mine.py" in message
    assert message.endswith("failed at import: ModuleNotFoundError: No module named 'no_such_library' (line 1)")


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_that_raises_at_build(refused, run_with, kind):
    message = refused(*run_with(kind, before="raise ValueError('no luck')"))
    assert message == f"{kind} 'my-part' (plugin mine.py) failed: ValueError: no luck (line 13)"


@pytest.mark.parametrize(
    ("kind", "result", "sentence"),
    [
        ("backbone", "first.new_zeros(len(first), 8)", NO_MAP),
        ("backbone", "[first]", "it returned a list, not a feature map N×D×h×w"),
        ("augmentation", "first[..., :16]", f"{NO_IMAGES} (2, 1, 32, 16): it must stay the same"),
        ("augmentation", "(first, 0)", "it returned a tuple, not images N×1×H×W"),
        ("loss", "first.sum(1)", "for logits of the shape (2, 4) it returned (2,), not a scalar"),
        ("loss", "0.5", "it returned a float, not a scalar tensor"),
        ("loss", "first.detach().sum()", "what it returned has no gradient with respect to the logits"),
    ],
)
def test_a_plugin_that_returns_the_wrong_shape(refused, run_with, kind, result, sentence):
    message = refused(*run_with(kind, result))
    assert message.startswith(f"{kind} 'my-part' (plugin mine.py) failed: ")
    assert sentence in message


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        ("[]", "it returned a list, not an Index"),
        ("Index(root=context.root, rows=DataFrame({'row': [1]}))", "the index that it returned lacks the column "),
    ],
)
def test_a_data_set_that_returns_no_index(refused, folder, phantom_root, result, sentence):
    (folder / "mine.py").write_text(f"""
from birads_zoo import DatasetSpec, Index, Target, hookimpl

def load(context):
    from pandas import DataFrame
    return {result}

@hookimpl
def birads_zoo_datasets():
    target = Target(name="t", column="label", classes=None)
    return [DatasetSpec(name="my-data", summary="a test's own", load=load, targets=(target,))]
""")
    for command in ("audit", "run"):
        message = refused(command, "--plugin", "mine.py", "--dataset", "my-data", "--root", phantom_root)
        assert message.startswith("data set 'my-data' (plugin mine.py) failed: ")
        assert sentence in message


# ── A loss that is no number ─────────────────────────────────────────────────────────────────────────────────────

ADVICE = "lower training.learning_rate, set training.clip_norm or use training.precision=float32"


def test_a_loss_that_is_no_number_says_where_and_leaves_nothing(refused, run_with):
    message = refused(*run_with("loss", "first.sum() * (float('nan') if len(calls) > 2 else 1.0)"), "--set",
                   "training.batch_size=4")  # fmt: skip
    # The first call is the dry run before training, so the third is the second step.
    assert message == f"the training loss became nan in fold 1, epoch 1, step 2: {ADVICE}"


def test_a_later_loss_that_is_no_number_names_the_checkpoint_that_stays(zoo, folder, run_with):
    flags = ["--epochs", 3, "--set", "training.batch_size=64"]  # one batch an epoch
    result = zoo(*run_with("loss", "first.exp().sum() * (float('inf') if len(calls) > 2 else 1.0)"), *flags)
    run = folder / "runs" / "baseline_cnn"
    kept = run / "checkpoints" / "fold-0"
    assert result.status == 2
    assert result.err.splitlines()[-1] == (
        f"birads-zoo: error: the training loss became inf in fold 1, epoch 2, step 1: {ADVICE}; "
        f"the last good checkpoint stays in {kept.relative_to(folder)}"
    )
    assert {path.name for path in kept.iterdir()} == {"best.safetensors", "last.safetensors"}
    assert not (run / "metrics.json").exists()
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("rate", ["1e6", "1e9"])
def test_a_learning_rate_that_makes_no_numbers_is_one_sentence(zoo, phantom_root, folder, rate):
    result = zoo("run", "--root", phantom_root, *NET, *SMALL, "--set", f"training.learning_rate={rate}")
    assert (result.status, result.out) == (2, ""), result.err
    assert "Traceback" not in result.err
    last = result.err.splitlines()[-1]
    assert last.startswith("birads-zoo: error: the ")
    assert ADVICE in last
    assert not (folder / "runs" / "baseline_cnn" / "metrics.json").exists()
