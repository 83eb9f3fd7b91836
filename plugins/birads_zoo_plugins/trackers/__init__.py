"""The bundled trackers. Each needs its own package, and sends nothing to a server unless it is set to do so."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from birads_zoo import Options, Tracker, TrackerContext, TrackerSpec, hookimpl

PLUGIN_API = 1


class MLflowOptions(Options, frozen=True, kw_only=True):
    """Where the runs are recorded."""

    uri: Annotated[
        str,
        Meta(description="of the tracking server or database; '' is MLFLOW_TRACKING_URI, or mlflow.db beside the run"),
    ] = ""
    experiment: Annotated[str, Meta(min_length=1, description="created if it does not exist")] = "birads-zoo"


class WandbOptions(Options, frozen=True, kw_only=True):
    """Where the runs are recorded."""

    mode: Annotated[
        Literal["offline", "online"],
        Meta(description="offline writes below the run's folder, for `wandb sync`; online sends records at once"),
    ] = "offline"
    project: Annotated[str, Meta(min_length=1)] = "birads-zoo"
    entity: Annotated[str, Meta(description="a team or user; '' is your default")] = ""


class TrackioOptions(Options, frozen=True, kw_only=True):
    """Where the runs are recorded."""

    project: Annotated[str, Meta(min_length=1)] = "birads-zoo"
    space: Annotated[
        str, Meta(description="a Hugging Face Space for the run; '' is TRACKIO_SPACE_ID, or this machine's cache")
    ] = ""


def _build_tensorboard(context: TrackerContext) -> Tracker:
    from birads_zoo_plugins.trackers._tensorboard import TensorBoard

    return TensorBoard(context)


def _build_mlflow(context: TrackerContext) -> Tracker:
    from birads_zoo_plugins.trackers._mlflow import MLflow

    return MLflow(context)


def _build_wandb(context: TrackerContext) -> Tracker:
    from birads_zoo_plugins.trackers._wandb import Wandb

    return Wandb(context)


def _build_trackio(context: TrackerContext) -> Tracker:
    from birads_zoo_plugins.trackers._trackio import Trackio

    return Trackio(context)


@hookimpl
def birads_zoo_trackers() -> list[TrackerSpec]:
    """Return trackers for TensorBoard, MLflow, Weights & Biases and Trackio."""
    return [
        TrackerSpec(
            name="tensorboard",
            summary="TensorBoard event files in the run's folder: tensorboard --logdir runs",
            build=_build_tensorboard,
            requires=("tensorboard",),
            install="birads-zoo[tensorboard]",
        ),
        TrackerSpec(
            name="mlflow",
            summary="MLflow, in a database beside the run unless a server is named",
            build=_build_mlflow,
            options=MLflowOptions,
            requires=("mlflow",),
            install="birads-zoo[mlflow]",
        ),
        TrackerSpec(
            name="wandb",
            summary="Weights & Biases, offline in the run's folder unless mode is online",
            build=_build_wandb,
            options=WandbOptions,
            requires=("wandb",),
            install="birads-zoo[wandb]",
        ),
        TrackerSpec(
            name="trackio",
            summary="Trackio, in its own database on this machine unless a Space is named",
            build=_build_trackio,
            options=TrackioOptions,
            requires=("trackio",),
            install="birads-zoo[trackio]",
        ),
    ]
