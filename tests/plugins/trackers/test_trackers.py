"""The bundled trackers: one tiny run, read back from each with its own tools."""

import json
import os
import sqlite3
import struct
from pathlib import Path

import pytest

from birads_zoo import conformance
from birads_zoo.plugin.host import load_host

NAMES = ("tensorboard", "mlflow", "wandb", "trackio")
BLOCK = 32768

FIGURES = {
    "class-distribution",
    "conformal-sets",
    "confusion-matrix",
    "learning-curves",
    "pr-curves",
    "reliability",
    "roc-curves",
    "subgroups",
}
"""The figures of a run without the patients' pictures."""

pytestmark = pytest.mark.filterwarnings("default")  # the trackers' packages warn about each other


def history(run, fold):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["fold"] == fold]


def macro_f1(run):
    return json.loads((run / "metrics.json").read_text())["macro"]["f1"]


def test_no_tracker_failed_or_used_the_network(followed):
    _, result, reached = followed
    assert "failed in" not in result.err
    assert reached == []
    json.loads(result.out)


@pytest.mark.parametrize("name", NAMES)
def test_every_bundled_tracker_keeps_its_contract(written, name):
    written(name)
    assert conformance.check(load_host(), "tracker", name) == []


def test_no_names_of_the_users_files_or_patients_were_written(followed, phantom_root, home):
    run = followed[0]
    patients = {line.split(",")[2] for line in (run / "split.csv").read_text().splitlines()[1:]}
    places = [run / "tensorboard", run / "wandb", run.parent / "mlruns", Path(home)]
    files = [file for place in places for file in place.rglob("*") if file.is_file()] + [run.parent / "mlflow.db"]
    assert len(patients) > 10
    for file in filter(Path.is_file, files):
        content = file.read_bytes()
        leaked = [name for name in (str(phantom_root), "mammograms", *patients) if name.encode() in content]
        assert leaked == [], file


def test_tensorboard_shows_curves_results_and_figures(written):
    run = written("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(run / "tensorboard"))
    log.Reload()
    for fold in (0, 1):
        points = [(event.step, event.value) for event in log.Scalars(f"val_loss/fold-{fold}")]
        assert points == [(epoch["epoch"], pytest.approx(epoch["val_loss"], rel=1e-6)) for epoch in history(run, fold)]
    (result,) = log.Scalars("test/macro_f1")
    assert result.value == pytest.approx(macro_f1(run), rel=1e-6)
    assert set(log.Tags()["images"]) == {f"figures/{name}" for name in FIGURES}
    assert "_hparams_/session_start_info" in log.summary_metadata


def test_mlflow_holds_parameters_curves_results_and_figures(written):
    run = written("mlflow")
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{run.parent / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("birads-zoo")
    (recorded,) = client.search_runs([experiment.experiment_id])
    assert (recorded.info.run_name, recorded.info.status) == ("baseline_cnn", "FINISHED")
    assert recorded.data.params["model.backbone"] == "baseline_cnn"
    assert recorded.data.params["dataset.root"] == ""
    assert recorded.data.metrics["test/macro_f1"] == macro_f1(run)
    curve = client.get_metric_history(recorded.info.run_id, "val_loss/fold-1")
    assert [(point.step, point.value) for point in curve] == [(e["epoch"], e["val_loss"]) for e in history(run, 1)]
    figures = client.list_artifacts(recorded.info.run_id, "figures")
    assert {file.path for file in figures} == {f"figures/{name}.png" for name in FIGURES}
    assert not {"mlflow.user", "mlflow.source.name"} & set(recorded.data.tags)
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def leveldb_log(data):
    """Yield the records of a .wandb file: LevelDB's log format after seven bytes; wandb has no reader in Python."""
    place, record = 7, b""
    while place < len(data):
        if (left := BLOCK - place % BLOCK) < 7:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        record += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""


def test_wandb_writes_offline_only_what_it_was_given(written):
    run = written("wandb")
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = run.glob("wandb/offline-run-*/run-*.wandb")
    records = [Record.FromString(data) for data in leveldb_log(file.read_bytes())]
    kinds = {record.WhichOneof("record_type") for record in records}
    assert not kinds & {"stats", "environment", "output", "output_raw"}
    (started,) = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    assert (started.project, started.display_name) == ("birads-zoo", "baseline_cnn")
    assert not started.host
    config = {item.key: json.loads(item.value_json) for item in started.config.update}
    assert config["model.backbone"] == "baseline_cnn"
    lines = [
        {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in records
        if record.WhichOneof("record_type") == "history"
    ]
    curve = [(line["epoch"], line["val_loss/fold-0"]) for line in lines if "val_loss/fold-0" in line]
    assert curve == [(epoch["epoch"], epoch["val_loss"]) for epoch in history(run, 0)]
    assert len(list(file.parent.glob("files/media/images/figures/*.png"))) == len(FIGURES)


def test_trackio_keeps_curves_and_results_on_this_machine(written, home):
    run = written("trackio")
    import trackio

    assert trackio.utils.TRACKIO_DIR.as_posix() == home
    with sqlite3.connect(f"{home}/birads-zoo.db") as database:
        of_run = "WHERE run_name = 'baseline_cnn'"
        rows = [json.loads(row[0]) for row in database.execute(f"SELECT metrics FROM metrics {of_run} ORDER BY step")]
        (config,) = [json.loads(row[0]) for row in database.execute(f"SELECT config FROM configs {of_run}")]
    curve = [(row["epoch"], row["val_loss/fold-1"]) for row in rows if "val_loss/fold-1" in row]
    assert curve == [(epoch["epoch"], epoch["val_loss"]) for epoch in history(run, 1)]
    assert rows[-1]["test/macro_f1"] == macro_f1(run)
    assert config["model.backbone"] == "baseline_cnn"
    assert not config["_Username"]
