"""The command line. Each command is a file in this folder and is imported only when it is used."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn, TextIO

import click

from birads_zoo.cli import streams, unexpected  # a function of the latter would be hidden by the command `report`
from birads_zoo.errors import BiradsZooWarning, UserError, unknown_name
from birads_zoo.interruption import Interrupted, interruptible
from birads_zoo.printable import printable, shortened
from birads_zoo.version import __version__

SUMMARIES = {
    "run": "Train and evaluate a backbone on a data set",
    "compare": "Compare backbones on the same folds, and rank them by tests",
    "ablate": "Remove one part of a model at a time, and test the effect",
    "leakage": "Measure how a split that leaks patients changes a score",
    "report": "Write a finished run as a page that needs no internet connection",
    "explain": "Draw heat maps of a finished run, and test which of them are faithful",
    "guess": "List the data sets that a folder looks like",
    "audit": "Report which rows of a data set are usable, and why the others are not",
    "export": "Export a finished run as a model that predicts without it",
    "predict": "Predict pictures with an exported model",
    "serve": "Serve an exported model as a web page and an HTTP endpoint",
    "reproduce": "Repeat a finished run, and compare the results bit by bit",
    "verify": "Check that the files of a run, a study, a model or the cache are what was written",
    "cache": "List what is kept between runs, and delete what is no longer used",
    "list": "List everything that is registered",
    "show": "Describe one registered part: its options, licence and source",
    "register": "Check a plugin file and add it to the working directory's registry.toml",
    "phantom": "Make synthetic mammograms with known lesions",
}
"""The line of `--help` about each command, so that no command has to be imported."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*SUMMARIES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in SUMMARIES:
            raise unknown_name("command", cmd_name, SUMMARIES)
        command = importlib.import_module(f"birads_zoo.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*SUMMARIES.items()])  # not `list(…)`: that can be the module cli/list.py here


@click.group(cls=_LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="birads-zoo", message="%(prog)s %(version)s")
@click.pass_context
def group(context: click.Context) -> None:
    """Train, evaluate and explain mammogram classifiers. Research software, no medical device."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with a status.

    The status is 0 for success, 2 for a user's mistake, 70 for a bug, and 128 and the signal's number for an
    interruption (130 for Ctrl-C). It is 1 where `guess` finds nothing, `predict` cannot read a picture, `verify` finds
    damage, or `reproduce` gets other results.

    A `UserError` is printed as one sentence on stderr. So is a `BiradsZooWarning`, and only once. Any other exception
    is a bug: two lines say so and name the file with its traceback, and the status is 70. With the environment variable
    BIRADS_ZOO_DEBUG set, tracebacks are printed: that of the cause of a `UserError`, such as a plugin's own exception,
    before the sentence.
    """
    streams.make_usable()
    try:
        with interruptible(), _plain_warnings():
            status = group.main(args=arguments, prog_name="birads-zoo", standalone_mode=False)
    except UserError as error:
        if os.environ.get("BIRADS_ZOO_DEBUG") and error.__cause__:
            traceback.print_exception(error.__cause__)
        say("error", str(error))
        _say_notes(error)
        sys.exit(2)
    except click.ClickException as error:
        say("error", error.format_message())
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        # Older versions of click hide what ended the program; it is still the context.
        cause = error.__cause__ or error.__context__ if isinstance(error, click.Abort) else error
        number = cause.signal if isinstance(cause, Interrupted) else signal.SIGINT
        click.echo("birads-zoo: interrupted" + (f" by {number.name}" if number != signal.SIGINT else ""), err=True)
        _say_notes(cause)
        sys.exit(128 + number)
    except Exception as error:
        if os.environ.get("BIRADS_ZOO_DEBUG"):
            raise
        lines, status = unexpected.report(error, sys.argv[1:] if arguments is None else arguments)
        for line in lines:
            click.echo(f"birads-zoo: {printable(line)}", err=True)
        _say_notes(error)
    sys.exit(status if isinstance(status, int) else 0)


def _say_notes(error: BaseException | None) -> None:
    """Print an error's notes, which say how to go on."""
    for note in getattr(error, "__notes__", []):
        click.echo(f"birads-zoo: {printable(note)}", err=True)


def say(severity: str, message: str) -> None:
    """Print "birads-zoo: severity: message" on stderr."""
    click.echo(f"birads-zoo: {severity}: {printable(shortened(message))}", err=True)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    shown: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", BiradsZooWarning)
        show_other = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, BiradsZooWarning):
                show_other(message, category, filename, lineno, file, line)
            elif str(message) not in shown:
                shown.add(str(message))
                say("warning", str(message))

        warnings.showwarning = show
        yield
