"""The example plugins, which docs/plugins.md shows in full: short, sound, and run together on a tiny data set."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import birads_zoo as bz
from birads_zoo import conformance, pipeline
from birads_zoo.explanation.overview import Explained
from birads_zoo.interfaces import EpochRecord, TrackerContext
from birads_zoo.model.build import build_classifier
from birads_zoo.plugin.host import load_host
from birads_zoo.plugin.kinds import KINDS
from birads_zoo.plugin.lightness import heavy_modules_after
from birads_zoo.recipes.compose import compose
from birads_zoo.recipes.registry import packaged_registry

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "examples" / "plugins").glob("*.py"))
GUIDE = ROOT / "docs" / "plugins.md"


@pytest.fixture(scope="module")
def host():
    return load_host(FILES, strict=True)


def names_of_examples(host, kind):
    """Return the names of the examples' parts of one kind."""
    return [name for name, part in host.of_kind(kind).items() if Path(part.plugin) in FILES]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Pictures of twelve patients, half of them with a bright spot, and two pictures whose names cannot be read."""
    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for patient in range(12):
        for side in "LR":
            pixels = random.integers(20, 60, (48, 40), dtype=np.uint8)
            if patient % 2:
                pixels[16:28, 8:20] = 230
            label = ("normal", "benign", "normal", "malignant")[patient % 4]
            Image.fromarray(pixels).save(root / f"p{patient:02d}-{side}-CC-{label}.png")
    for name in ("p99-left-CC-benign", "scan"):
        Image.fromarray(pixels).save(root / f"{name}.png")
    return root


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_is_short_and_the_guide_shows_it_in_full(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 42
    assert text.strip() in re.findall(r"```python\n(.*?)\n```", GUIDE.read_text(), flags=re.DOTALL)


def test_the_guides_first_plugin_keeps_its_contract(tmp_path):
    (tmp_path / "my_net.py").write_text(re.findall(r"```python\n(.*?)\n```", GUIDE.read_text(), flags=re.DOTALL)[0])
    host = load_host([tmp_path / "my_net.py"])
    assert conformance.check(host, "backbone", "my-net") == []


def test_every_kind_has_an_example(host):
    for kind in KINDS:
        assert names_of_examples(host, kind.plural), f"no example registers a {kind.word}"
    assert "pooled" in host.families


def test_they_are_light_at_import():
    files = ", ".join(f"Path({str(path)!r})" for path in FILES)
    code = (
        f"from pathlib import Path\nfrom birads_zoo.plugin.sources import load_file\n[load_file(p) for p in ({files},)]"
    )
    assert heavy_modules_after(code) == ()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name != "loss"], ids=lambda kind: kind.plural)
def test_they_keep_their_contracts(host, kind):
    """Losses are checked in tests/plugins/losses/test_single_files.py."""
    for name in names_of_examples(host, kind.plural):
        assert conformance.check_spec(host.of_kind(kind.plural)[name].spec) == []


def test_the_familys_members_keep_their_contracts(host):
    for name in host.families["pooled"].spec.names():
        assert conformance.check_backbone(host.backbone(f"pooled/{name}")) == []


def test_all_of_them_together_make_a_run(pictures, tmp_path, monkeypatch):
    drawn = []
    # Figures and the tests of shortcuts take most of the time of a small run, and use no plugin.
    monkeypatch.setattr(pipeline, "draw_all", lambda *given: drawn.extend(given))
    monkeypatch.setattr(pipeline, "permutation_tests", lambda *given: {})
    run = bz.run(
        dataset={"name": "named-files", "options": {"separator": "-"}},
        root=pictures,
        backbone={"name": "plain-net", "options": {"width": 4}},
        augmentation={"name": "speckle", "options": {"strength": 0.1}},
        loss="cumulative-link",
        explainer={"name": "smooth-gradient", "options": {"copies": 2}},
        trackers=["log"],
        ablations=["no-activations"],
        folds=2,
        epochs=1,
        image_size=(48, 40),
        device="cpu",
        out=tmp_path / "runs",
        plugins=FILES,
        progress=False,
    )
    assert run.recipe.run_id == "plain-net+no-activations"
    assert run.recipe.model.options == {"width": 4}
    assert len(run.predictions) == 24
    (explained,) = (item for item in drawn if isinstance(item, Explained))
    assert explained.maps.shape[1:] == (1, 48, 40)
    assert explained.maps.max() == 1
    calls = [json.loads(line)["call"] for line in (run.folder / "log" / "calls.jsonl").read_text().splitlines()]
    assert calls == ["started", "epoch", "epoch", "finished"]
    entries = (run.folder / "audit.csv").read_text().splitlines()
    assert [line.split(",")[4] for line in entries] == ["reason", "unreadable name", "unreadable name"]


def test_a_familys_member_is_used_like_any_backbone(host):
    changes = {"model.backbone": "pooled/8", "loss": {"name": "multi-label", "options": {"only_one": True}}}
    recipe = compose("default", changes, ["no-warm-up"], packaged_registry(), host)
    assert recipe.run_id == "pooled/8+no-warm-up"
    classifier = build_classifier(recipe, host, 3)
    assert classifier.features(torch.zeros(1, 1, 1, 48, 40)).shape == (1, 1, 8, 6, 5)
    assert classifier.outputs.rule == "σ(z_k) / (1 − σ(z_k)), to sum 1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": {"name": "named-files", "options": {"seperator": "-"}}}, "no option 'seperator'; did you mean"),
        ({"dataset": "named-files", "root": None}, "'named-files' needs the folder of its pictures"),
        ({"backbone": "pooled/9"}, "unknown backbone 'pooled/9'; did you mean"),
        ({"backbone": {"name": "plain-net", "options": {"width": 0}}}, "width"),
    ],
)
def test_a_users_mistake_is_reported_in_one_sentence(pictures, tmp_path, changes, message):
    with pytest.raises(bz.UserError, match=message):
        bz.run(**{"root": pictures, **changes}, out=tmp_path, plugins=FILES, progress=False)


@pytest.mark.parametrize(("loss", "stops"), [(None, False), (0.7, False), (2.5, True), (float("nan"), True)])
def test_the_tracker_stops_a_run_with_a_high_loss(host, tmp_path, loss, stops):
    spec = host.tracker("log")
    tracker = spec.build(TrackerContext(folder=tmp_path, name="run", options=spec.options(give_up=2)))
    values = dict.fromkeys(("val_accuracy", "val_macro_f1", "val_auroc"))
    speed = {"learning_rate": 1e-3, "seconds": 1.0, "images_per_second": 9.0}
    record = EpochRecord(fold=0, epoch=1, train_loss=0.5, val_loss=loss, **values, **speed)
    assert (tracker.epoch(record) is not None) == stops
