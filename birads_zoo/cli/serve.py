"""`birads-zoo serve`: serves an exported model as a web page and an HTTP endpoint."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path

import click

from birads_zoo.api.opening import open_installed_host
from birads_zoo.cli.options import PATH, plugin_option
from birads_zoo.errors import BiradsZooWarning, UserError

_PACKAGES = ("fastapi", "python_multipart", "uvicorn")
_OPEN = {
    False: "anyone who reaches this machine can use the model, without a password or encryption; set the environment "
    "variable BIRADS_ZOO_TOKEN to a password",
    True: "the token and the pictures are sent without encryption; put a proxy with TLS in front of the server",
}
"""What to know about a server that others can reach, by whether it has a token."""


@click.command("serve")
@click.argument("model", type=PATH, metavar="MODEL")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 is all addresses."
)
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="0 takes any free port.")
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Another name that the server is reached by, such as that of a proxy; may be repeated.",
)
@click.option(
    "--token",
    envvar="BIRADS_ZOO_TOKEN",
    show_envvar=True,
    metavar="TEXT",
    help="A password for all users. Prefer the environment variable: other users of this machine see command lines.",
)
@click.option("--max-megabytes", type=click.IntRange(1, 2000), default=64, show_default=True, help="Largest file.")
@click.option("--max-megapixels", type=click.IntRange(1, 80), default=64, show_default=True, help="Largest picture.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:N.")
@plugin_option
def command(
    model: Path,
    host: str,
    port: int,
    allowed_hosts: tuple[str, ...],
    token: str | None,
    max_megabytes: int,
    max_megapixels: int,
    device: str,
    plugin_files: tuple[Path, ...],
) -> None:
    """Show an exported MODEL on a web page: drop a mammogram on it to see the prediction. Research use only.

    A model of several views takes one file for each view; some may be missing.

    The page can be opened only on this machine, unless --host says otherwise. No upload is kept, and nothing is sent
    to or fetched from other servers. Programs use POST /predict, which /docs describes.
    """
    if not host:  # which would be all addresses
        raise UserError("--host is empty; give an address such as 127.0.0.1, or leave it out")
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise UserError(f"`birads-zoo serve` needs the package {missing[0]}: pip install 'birads-zoo[demo]'")
    from birads_zoo.artifact.licences import warning as licence_warning
    from birads_zoo.artifact.model import open_model
    from birads_zoo.serving.access import access_for, is_loopback
    from birads_zoo.serving.answers.answering import Limits
    from birads_zoo.serving.app import listen, serve

    access = access_for(host, allowed_hosts, token)
    listen(host, port).close()  # so that a wrong address is refused before the model is loaded
    if not is_loopback(host):
        warnings.warn(f"{host} is open to others: {_OPEN[bool(token)]}", BiradsZooWarning, stacklevel=1)
    plugins = open_installed_host(plugin_files)
    opened = open_model(model, plugins, device)
    if restricted := licence_warning(opened.manifest.licences, "let others use the model"):
        warnings.warn(restricted, BiradsZooWarning, stacklevel=1)

    def say_ready(address: str) -> None:
        click.echo(f"{opened.manifest.run_id} on {address}  (HTTP endpoint: {address}docs; stop with Ctrl+C)")
        click.echo(opened.notice)

    serve(opened, host, port, Limits(megabytes=max_megabytes, megapixels=max_megapixels), access, say_ready)
