"""`birads-zoo export`: exports a finished run as a model that predicts without it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import get_args

import click

from birads_zoo.api.export import export
from birads_zoo.artifact.manifest import NetworkFormat, Precision, Share, read_manifest
from birads_zoo.cli.options import PATH, plugin_option


@click.command("export")
@click.argument("run", type=PATH, metavar="RUN")
@click.option(
    "--format",
    "kind",
    type=click.Choice(get_args(NetworkFormat)),
    default="safetensors",
    show_default=True,
    help="Weights for birads-zoo itself; a graph for ONNX Runtime; one for OpenVINO; one for torch.export.load.",
)
@click.option("--out", type=PATH, help="The folder to make.  [default: RUN/model-FORMAT]")
@click.option("--root", type=PATH, metavar="FOLDER", help="Where the run's data is now.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--precision",
    type=click.Choice(get_args(Precision)),
    default="float32",
    show_default=True,
    help="What the model predicts in. bfloat16 is faster where the device has it, and changes probabilities a little.",
)
@plugin_option
def command(
    run: Path,
    kind: NetworkFormat,
    out: Path | None,
    root: Path | None,
    device: str,
    precision: Precision,
    plugin_files: tuple[Path, ...],
) -> None:
    """Export every fold's network of a finished RUN, with its preprocessing, calibration, card and checksums.

    Each network is opened again and compared with the trained one on pictures of the run; a difference is an error.
    """
    folder = export(run, kind, out=out, root=root, device=device, precision=precision, plugins=plugin_files)
    manifest = read_manifest(folder)
    unlike, out_of_range = manifest.training_range.distance_alarms, manifest.training_range.range_alarms
    count = len(manifest.folds)
    say = partial(click.echo, err=True)
    say(f"{count} network{'' if count == 1 else 's'} of {manifest.run_id}, compared with the trainer's: they agree")
    agreement = manifest.agreement
    say(f"largest change of a probability: {agreement.probability:.1g} on {agreement.pictures} pictures of the run")
    shares = [f"out of range {_share_text(out_of_range)}"]
    shares += [f"unlike the training {_share_text(unlike)}"] if unlike else []
    basis = f"{manifest.recipe.split.scheme} split, n = {out_of_range.n}, 95 % intervals over patients"
    say(f"share of the run's held-out pictures that get a warning: {', '.join(shares)}  ({basis})")
    say(manifest.notice)
    say(f"model: {folder}")


def _share_text(share: Share) -> str:
    return f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"
