"""`birads-zoo export`: make a trained run a thing that predicts without it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import get_args

import click

from birads_zoo.api.export import export
from birads_zoo.artifact.manifest import NetworkFormat, Share, read_manifest
from birads_zoo.cli.plugins import plugin_option


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--format",
    "kind",
    type=click.Choice(get_args(NetworkFormat)),
    default="safetensors",
    show_default=True,
    help="Weights for birads-zoo itself; a graph for ONNX Runtime; a graph for torch.export.load.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The folder to make.  [default: RUN/model-FORMAT]")
@click.option("--root", type=click.Path(path_type=Path), metavar="FOLDER", help="Where the run's data lies now.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:N.")
@plugin_option
def command(
    run: Path, kind: NetworkFormat, out: Path | None, root: Path | None, device: str, plugin_files: tuple[Path, ...]
) -> None:
    """Export every fold's network of a finished RUN, with its preprocessing, calibration, card and checksums.

    Each network is opened again and compared with the trainer's on pictures of the run; one that disagrees is an error.
    """
    folder = export(run, kind, out=out, root=root, device=device, plugins=plugin_files)
    manifest = read_manifest(folder)
    far, strange = manifest.training_range.distance_alarms, manifest.training_range.range_alarms
    count = len(manifest.folds)
    say = partial(click.echo, err=True)
    say(f"{count} network{'' if count == 1 else 's'} of {manifest.run_id}, compared with the trainer's: they agree")
    told = [f"out of range {_told(strange)}", *([f"unlike the training {_told(far)}"] if far else [])]
    basis = f"{manifest.recipe.split.scheme} split, n = {strange.n}, 95 % intervals over patients"
    say(f"held-out pictures of the run that a warning would name: {', '.join(told)}  ({basis})")
    say(manifest.notice)
    say(f"model: {folder}")


def _told(share: Share) -> str:
    return f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"
