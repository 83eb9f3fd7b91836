"""`birads-zoo register`: checks a plugin file and adds it to the working directory's registry.toml."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from birads_zoo.api.opening import open_host
from birads_zoo.cli.options import PATH
from birads_zoo.errors import BiradsZooWarning
from birads_zoo.files import write_text
from birads_zoo.plugin.kinds import KINDS, PluginKind, kind_of
from birads_zoo.plugin.sources import loaded_file
from birads_zoo.recipes.registry import FILE_NAME

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host

_NEXT = {
    "dataset": "birads-zoo run --dataset {name} --root FOLDER",
    "augmentation": "birads-zoo run --augmentation {name}",
    "loss": "birads-zoo run --loss {name}",
    "backbone": "birads-zoo run --backbone {name}",
    "explainer": "birads-zoo run --set explainer={name}",
    "tracker": "birads-zoo run --tracker {name}",
    "ablation": "birads-zoo run --{name}",
}


@click.command("register")
@click.argument("file", type=PATH)
def command(file: Path) -> None:
    """Check the plugin FILE and add it to registry.toml in the working directory.

    All that it registers is built and tried: a backbone with a forward and a backward pass at two sizes, an explainer
    and an ablation on a small classifier, a tracker with its default options on an invented run. Of a family of
    backbones only the first member is tried. A data set must not recognise folders of other data sets. It is not
    loaded, because FILE does not name its folder; birads-zoo audit loads it. Nothing is written if a check fails.
    """
    from birads_zoo import conformance  # loads torch

    _, host = open_host([file])
    parts, families = _registered_by(host, file), _families_of(host, file)
    tried = [*parts, *((kind_of("backbone"), member) for member in families.values())]
    for kind, name in tried:
        for finding in conformance.check(host, kind.name, name):
            warnings.warn(finding, BiradsZooWarning, stacklevel=2)
    for problem in conformance.check_plugin_api(loaded_file(file)):
        warnings.warn(f"plugin {file}: {problem}", BiradsZooWarning, stacklevel=2)
    _warn_of_heavy_imports(file)
    catalogue = Path.cwd() / FILE_NAME
    is_new = _add(catalogue, file)
    entries = [(f"{kind.word} {name!r}", host.of_kind(kind.name)[name].spec.summary) for kind, name in parts]
    entries += [(f"family of backbones {prefix!r}", host.families[prefix].spec.summary) for prefix in families]
    for entry, summary in entries:
        click.echo(f"{'registered' if is_new else 'already registered:'} {entry} ({summary})")
    click.echo(f"{FILE_NAME} {'now names' if is_new else 'names'} {file}; run it:")
    for kind, name in tried:
        click.echo(f"  {_NEXT[kind.name].format(name=name)}")


def _registered_by(host: Host, file: Path) -> list[tuple[PluginKind, str]]:
    return [
        (kind, name)
        for kind in KINDS
        for name, registered in host.of_kind(kind.name).items()
        if registered.plugin == str(file)
    ]


def _families_of(host: Host, file: Path) -> dict[str, str]:
    """Return the first member of each family of backbones that `file` registers, by the family's prefix."""
    prefixes = [prefix for prefix, registered in host.families.items() if registered.plugin == str(file)]
    return {prefix: host.members(prefix)[0] for prefix in prefixes}


def _warn_of_heavy_imports(file: Path) -> None:
    from birads_zoo.plugin.lightness import heavy_modules_of

    heavy = heavy_modules_of(file)
    if heavy:
        message = (
            f"{file} imports {', '.join(heavy)} at its top, which slows down every command's start; "
            "move the import into the function that uses it"
        )
        warnings.warn(message, BiradsZooWarning, stacklevel=2)


def _add(catalogue: Path, file: Path) -> bool:
    """Add `file` to the plugin files in `catalogue`, keep comments and layout, and return whether it was new."""
    import tomlkit

    text = catalogue.read_bytes().decode() if catalogue.exists() else ""
    document = tomlkit.parse(text)
    plugins = document.setdefault("plugins", tomlkit.table())
    files = plugins.setdefault("files", tomlkit.array())
    if any((catalogue.parent / known).resolve() == file.resolve() for known in files):
        return False
    files.append(_as_written(file, catalogue.parent))
    write_text(catalogue.resolve(), tomlkit.dumps(document))
    return True


def _as_written(file: Path, folder: Path) -> str:
    """Return the path relative to the catalogue's folder if it is inside, so that the folder can be moved."""
    path, folder = file.resolve(), folder.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
