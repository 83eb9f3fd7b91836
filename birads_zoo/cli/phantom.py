"""`birads-zoo phantom`: makes synthetic mammograms."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import click

from birads_zoo.api.phantom import phantom
from birads_zoo.cli.options import PATH
from birads_zoo.errors import UserError
from birads_zoo.phantoms.options import DEFAULTS, Balance, Format, Shortcut, phantom_options


@click.command("phantom")
@click.option("--out", type=PATH, required=True, help="The folder to make.")
@click.option(
    "--patients",
    default=DEFAULTS.patients,
    show_default=True,
    help="Patients with four pictures each, at most 100,000.",
)
@click.option("--seed", default=DEFAULTS.seed, show_default=True, help="The same seed gives the same files.")
@click.option(
    "--size",
    default=f"{DEFAULTS.height}x{DEFAULTS.width}",
    show_default=True,
    metavar="HxW",
    help="Height and width of the pictures.",
)
@click.option(
    "--balance",
    type=click.Choice(get_args(Balance)),
    default=DEFAULTS.balance,
    show_default=True,
    help="Equally many pictures of each category (about), the imbalance of KAUMDS, or the prevalence of screening.",
)
@click.option(
    "--shortcut",
    type=click.Choice(get_args(Shortcut)),
    default=DEFAULTS.shortcut,
    show_default=True,
    help="Let the files' size or format follow the category, as in KAUMDS, or (shuffled) a random one per patient.",
)
@click.option(
    "--format",
    type=click.Choice(get_args(Format)),
    default=DEFAULTS.format,
    show_default=True,
    help="8-bit JPEG, or DICOM with 12 bits and a mammogram's header.",
)
@click.option(
    "--damaged",
    type=int,
    metavar="N",
    help=f"Missing and broken pictures.  [default: {DEFAULTS.damaged}, at most one per patient]",
)
def command(out: Path, size: str, **fields: Any) -> None:
    """Make synthetic mammograms in KAUMDS' layout; `truth/` has the lesions and the categories' probabilities."""
    fields["size"] = _read_size(size)
    phantom(out, **fields)

    from birads_zoo.phantoms.cohort import draw_cohort
    from birads_zoo.phantoms.files.writer import count_pictures

    cohort = draw_cohort(phantom_options(**fields))
    for category, count in count_pictures(cohort).items():
        click.echo(f"BI-RADS {category}: {count} picture{'s' * (count != 1)}")
    click.echo(f"BI-RADS 2: {4 * len(cohort.unpictured)} rows without pictures")
    broken = Counter(cohort.damage.values())
    click.echo("broken: " + (", ".join(f"{count} {kind}" for kind, count in broken.items()) or "none"))
    click.echo(f"{fields['patients']} patients in {out}")


def _read_size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,6})[x×](\d{1,6})", text.strip().lower())
    if match is None:
        raise UserError(f"--size {text!r} is not a size: give height x width in pixels, such as 416x320")
    return int(match[1]), int(match[2])
