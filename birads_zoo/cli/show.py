"""`birads-zoo show`: describes one registered part: its plugin, options, licence and source."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from birads_zoo.api.opening import open_host
from birads_zoo.cli.options import plugin_option
from birads_zoo.errors import unknown_name
from birads_zoo.interfaces import AblationSpec, BackboneSpec, DatasetSpec, LossSpec, TrackerSpec
from birads_zoo.plugin.kinds import kind_of, options_key
from birads_zoo.plugin.options import OptionField, option_fields
from birads_zoo.recipe.layers import leaves

if TYPE_CHECKING:
    from birads_zoo.interfaces import Spec
    from birads_zoo.plugin.host import Registered
    from birads_zoo.recipes.registry import Registry


@click.command("show")
@click.argument("kind", metavar="KIND")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object on stdout.")
@plugin_option
def command(kind: str, name: str, as_json: bool, plugin_files: tuple[Path, ...]) -> None:
    """Describe the part NAME of a KIND: its plugin, options, licence and source.

    KIND is one of dataset, augmentation, loss, backbone, explainer, tracker and ablation. A recipe sets an option in
    the part's section, such as gamma = 1.5 under [loss.options]; on the command line this is --set
    loss.options.gamma=1.5. With the KIND recipe, the fields that the recipe NAME sets are shown.
    """
    registry, host = open_host(plugin_files)
    if kind in ("recipe", "recipes"):
        _show_recipe(registry, name, as_json=as_json)
        return
    plugin_kind = kind_of(kind)
    registered = host.registered(plugin_kind.name, name)
    facts = _facts(registered, registry)
    fields = () if isinstance(registered.spec, AblationSpec) else option_fields(registered.spec.options)
    if as_json:
        options = [asdict(field) for field in fields]
        click.echo(json.dumps({"kind": plugin_kind.name, **facts, "options": options}, indent=2, ensure_ascii=False))
        return
    click.echo(
        f"{click.style(facts.pop('name'), bold=True)}, {_with_article(plugin_kind.word)}: {facts.pop('summary')}"
    )
    for label, value in facts.items():
        click.echo(f"  {label}: {', '.join(value) if isinstance(value, list) else value}")
    _show_options(fields, options_key(plugin_kind, registered.spec.name))


def _show_recipe(registry: Registry, name: str, *, as_json: bool) -> None:
    """Show the fields that a recipe sets for its own backbone, including those of the recipes that it extends."""
    if name not in registry.recipes:
        raise unknown_name("recipe", name, registry.recipes)
    fields = leaves(registry.recipe(name))
    summary, plugin = registry.recipes[name].get("summary", ""), registry.giver(name)
    if as_json:
        facts = {"kind": "recipe", "name": name, "summary": summary, "plugin": plugin, "fields": fields}
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    click.echo(f"{click.style(name, bold=True)}, a recipe: {summary}\n  plugin: {plugin}\n  fields that it sets:")
    for key, value in fields.items():
        click.echo(f"    {key} = {json.dumps(value, ensure_ascii=False)}")


def _facts(registered: Registered[Spec], registry: Registry) -> dict[str, Any]:
    """Return all facts about a part except its options; unknown facts are left out."""
    spec = registered.spec
    facts: dict[str, Any] = {"name": spec.name, "summary": spec.summary, "plugin": registered.plugin}
    if isinstance(spec, DatasetSpec):
        facts |= {
            "aliases": list(spec.aliases),
            "targets": [target.name for target in spec.targets],
            "source": spec.source,
            "licence": spec.licence,
            "citation": spec.citation,
            "layout": spec.layout,
        }
    if isinstance(spec, BackboneSpec):
        channels = len(spec.pixel_mean)
        facts |= {
            "input": f"{channels} channel{'s' * (channels > 1)}{', or 1' * (spec.grey and channels > 1)}",
            "pixel mean": [f"{value:g}" for value in spec.pixel_mean],
            "pixel deviation": [f"{value:g}" for value in spec.pixel_std],
            "image size": f"{spec.image_size[0]}x{spec.image_size[1]} only" if spec.image_size else "",
            "stages": list(spec.stages),
            "weights": spec.weights or "none: it starts from random weights",
            "licence": registry.licences.get(spec.name, spec.licence) if spec.weights else "",
        }
    if isinstance(spec, LossSpec):
        facts["class weights"] = "on or off" if spec.weighs_classes else "none: loss.class_weights must be false"
    if isinstance(spec, TrackerSpec) and spec.requires:
        facts |= {"needs": list(spec.requires), "install": f"pip install '{spec.install or ' '.join(spec.requires)}'"}
    return {key: value for key, value in facts.items() if value}


def _show_options(fields: tuple[OptionField, ...], key: str) -> None:
    if not fields:
        click.echo("  options: none")
        return
    click.echo(f"  options, set under [{key}]:")
    width = max(len(field.name) for field in fields)
    for field in fields:
        default = json.dumps(field.default)
        click.echo(f"    {field.name:<{width}}  {field.type}, default {default}")
        if field.meaning:
            click.echo(f"    {'':<{width}}  {field.meaning}")


def _with_article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
