"""A tracker: a line of JSON for every call, and a stop after a number of minutes of training."""

from typing import Annotated

from msgspec import Meta, json

from birads_zoo import Options, Stop, TrackerSpec, hookimpl


class JournalOptions(Options, frozen=True, kw_only=True):
    file: Annotated[str, Meta(pattern=r"^\w[\w.-]*$", description="a name in <run>/journal")] = "journal.jsonl"
    minutes: Annotated[float, Meta(gt=0, description="of training, after which the run is stopped")] = 60.0


class Journal:
    def __init__(self, context):
        self.path, self.options, self.seconds = context.folder / "journal" / context.options.file, context.options, 0.0

    def add(self, values, mode="ab"):
        with self.path.open(mode) as file:
            file.write(json.encode(values) + b"\n")

    def started(self, run):
        self.path.parent.mkdir(exist_ok=True)
        self.add({"run": run.name, "classes": run.classes, "counts": run.counts}, mode="wb")  # a resume starts over

    def epoch(self, record):
        self.add(record)
        self.seconds += record.seconds
        return Stop(f"{self.seconds / 60:.3g} minutes trained") if self.seconds > 60 * self.options.minutes else None

    def finished(self, run, metrics):
        self.add(dict(metrics))

    failed = add


@hookimpl
def birads_zoo_trackers():
    return [TrackerSpec(name="journal", summary="A line of JSON a call", build=Journal, options=JournalOptions)]
