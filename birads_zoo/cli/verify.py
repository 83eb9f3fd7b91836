"""`birads-zoo verify`: checks that the files of a run, a study, a model or the cache are what was written."""

from __future__ import annotations

from pathlib import Path

import click

from birads_zoo.api.verify import verify
from birads_zoo.cli.options import PATH
from birads_zoo.printable import printable


@click.command("verify")
@click.argument("folder", metavar="[FOLDER]", required=False, type=PATH)
def command(folder: Path | None) -> int:
    """Check every file of a folder by its digest; without a folder, those of the cache.

    The folder is that of a run, of several runs, of a study, of an exported model or of a cache.

    Each file that is missing or was changed is printed, and each run of a study that is not finished; the status is
    then 1. Digests show damage. They do not show who changed a file: that person can change a digest too.
    """
    problems = verify(folder)
    for problem in problems:
        click.echo(printable(problem))
    if not problems:
        click.echo("all files are what was written", err=True)
    return 1 if problems else 0
