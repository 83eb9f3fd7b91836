"""A tracker: a line of JSON for every call, and a stop if the validation loss is too high."""

from dataclasses import asdict
from typing import Annotated

from msgspec import Meta, json

from birads_zoo import Options, Stop, TrackerSpec, hookimpl

PLUGIN_API = 1


class LogOptions(Options, frozen=True, kw_only=True):
    give_up: Annotated[float, Meta(gt=0, description="the validation loss above which a run is stopped")] = 10.0


class Log:
    def __init__(self, context):
        self.path, self.give_up = context.folder / "log" / "calls.jsonl", context.options.give_up
        self.path.parent.mkdir(exist_ok=True)

    def write(self, call, values, mode="ab"):
        with self.path.open(mode) as file:
            file.write(json.encode({"call": call, **values}) + b"\n")

    def started(self, run):
        self.write("started", {"run_id": run.run_id, "folds": run.folds, "resumed": run.resumed}, mode="wb")

    def epoch(self, record):
        self.write("epoch", asdict(record))
        return None if (record.val_loss or 0) <= self.give_up else Stop(f"a validation loss of {record.val_loss:.2f}")

    def finished(self, run, metrics):
        self.write("finished", metrics)

    def failed(self, reason):
        self.write("failed", {"reason": reason})


@hookimpl
def birads_zoo_trackers():
    return [TrackerSpec(name="log", summary="A line of JSON for every call", build=Log, options=LogOptions)]
