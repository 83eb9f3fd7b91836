"""Plans a study: its recipes, its seeds, and the folder of each run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from birads_zoo.errors import UserError
from birads_zoo.files import folder_name
from birads_zoo.recipe import Recipe
from birads_zoo.recipes.ablations import apply_ablations
from birads_zoo.recipes.compose import compose
from birads_zoo.results.scores import Metric

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host
    from birads_zoo.recipes.registry import Registry

SCHEMES = ("patient", "breast", "image")
"""The splits of a leakage study; the split that does not leak is first."""
_FROZEN = {"none": "", "early": ", early stages frozen", "all": ", frozen"}
_WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of a study: a recipe that is run once per seed.

    `mark` distinguishes recipes with the same run id. `ablation` is the ablation that the recipe has in addition to the
    variant that it is compared with; "" for a full model. `start` describes the weights that its backbone starts with.
    """

    recipe: Recipe
    mark: str = ""
    ablation: str = ""
    start: str = ""

    @property
    def name(self) -> str:
        """Such as `resnet50+no-dropout` or `resnet50@image`; unique in a study."""
        return _joined(self.recipe.run_id, self.mark)

    @property
    def full(self) -> str:
        """The name of the variant without `ablation`."""
        others = [name for name in self.recipe.ablations if name != self.ablation]
        return _joined(self.recipe.replace({"ablations": others}).run_id, self.mark)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of a study: a variant with one seed."""

    variant: Variant
    seed: int

    @property
    def recipe(self) -> Recipe:
        """The variant's recipe with this seed."""
        return self.variant.recipe.replace({"seed": self.seed})

    @property
    def name(self) -> str:
        """Such as `resnet50+no-dropout@0` or `resnet50@0@image`."""
        return _joined(f"{self.variant.recipe.run_id}@{self.seed}", self.variant.mark)

    @property
    def folder(self) -> str:
        """The name of the run's folder."""
        return folder_name(self.name)


@dataclass(frozen=True, kw_only=True)
class Study:
    """Variants that are each run with every seed, and the `metric` (a flat name) by which they are compared."""

    kind: str
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    metric: Metric
    command: str

    def __post_init__(self) -> None:
        names = [variant.name for variant in self.variants]
        if twice := {name for name in names if names.count(name) > 1}:
            raise UserError(f"{twice.pop()!r} is named twice in one study; name it once")

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Every run, seed by seed, so that a study that is stopped early has run all variants with the first seeds."""
        return tuple(Job(variant=variant, seed=seed) for seed in self.seeds for variant in self.variants)


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """Return `count` seeds from `first`, the recipe's own, on; raises `UserError` if `count` is below 1."""
    if count < 1:
        raise UserError(f"--seeds {count}: a study needs one seed at least")
    return tuple(range(first, first + count))


def compared(
    recipes: Sequence[str],
    backbones: Sequence[str],
    ablations: Sequence[str],
    changes: Mapping[str, Any],
    weights: Path | None,
    registry: Registry,
    host: Host,
) -> tuple[Variant, ...]:
    """Return every backbone with every recipe, in full and with each single ablation.

    Without `backbones`, those of `[models]` in registry.toml are used. `weights` is a folder that may hold the
    backbones' weights. With several recipes each variant is marked with its recipe's name (for a file, its stem).
    """
    variants: list[Variant] = []
    for recipe_name in recipes:
        mark = Path(recipe_name).stem if len(recipes) > 1 else ""
        for backbone in backbones or registry.models:
            fields = dict(changes) | {"model.backbone": backbone} | weights_of(backbone, weights, host)
            full = compose(recipe_name, fields, (), registry, host)
            variants += ablated(full, ablations, host, mark)
    return tuple(variants)


def ablated(full: Recipe, ablations: Sequence[str], host: Host, mark: str = "") -> tuple[Variant, ...]:
    """Return `full`, and `full` with each single ablation that it does not have yet.

    Raises `UserError` for an ablation that is not registered.
    """
    for name in ablations:
        host.ablation(name)
    with_one = {name: full.replace({"ablations": [*full.ablations, name]}) for name in ablations}
    return (
        Variant(recipe=full, mark=mark, start=start(full, host)),
        *(
            Variant(recipe=recipe, mark=mark, ablation=name, start=start(recipe, host))
            for name, recipe in with_one.items()
            if name not in full.ablations
        ),
    )


def start(recipe: Recipe, host: Host) -> str:
    """Describe the weights that a recipe's backbone starts with, and what is frozen: "random", "pretrained, frozen".

    "" for a recipe that cannot be run; its run will report the reason.
    """
    try:
        section = apply_ablations(recipe, host).model
    except UserError:
        return ""
    return ("pretrained" if section.weights or section.pretrained else "random") + _FROZEN[section.freeze]


def leaking(recipe: Recipe) -> tuple[Variant, ...]:
    """Return the recipe under a split by patient, by breast and by image."""
    return tuple(Variant(recipe=recipe.replace({"split.scheme": scheme}), mark=scheme) for scheme in SCHEMES)


def weights_of(backbone: str, folder: Path | None, host: Host) -> dict[str, str]:
    """Return the recipe's change that takes `backbone`'s weights from `folder`; empty if the folder has none.

    A backbone's file is named `<backbone>` or `<backbone>_…`, with "~" for the "/" of a family's member, and ends in
    .safetensors, .pth or .pt. If several backbones' names fit, the file belongs to the longest.

    Raises:
        UserError: for a folder that does not exist, for two such files, and for a family's member whose file lacks the
            family's prefix.

    """
    if folder is None:
        return {}
    if not folder.is_dir():
        raise UserError(f"--weights {folder} is no folder; a study takes each backbone's weights from one folder")
    files = sorted(file for file in folder.iterdir() if file.suffix in _WEIGHT_SUFFIXES)
    prefix, _, member = backbone.partition("/")
    members = host.families[prefix].spec.names() if member and prefix in host.families else ()
    known = {folder_name(name): name for name in (backbone, *host.backbones, *(f"{prefix}/{name}" for name in members))}
    matches = [file for file in files if known.get(_named(file, known)) == backbone]
    if len(matches) > 1:
        raise UserError(
            f"{folder} has several weights of {backbone}: {', '.join(file.name for file in matches)}; leave one there"
        )
    stray = [file for file in files if member and _named(file, known) == "" and _named(file, (member,))]
    if stray and not matches:
        raise UserError(
            f"{stray[0]} names no backbone: call the weights of {backbone} {folder_name(backbone)}{stray[0].suffix}, "
            "or take the file out of that folder"
        )
    return {"model.weights": str(matches[0])} if matches else {}


def _named(file: Path, names: Iterable[str]) -> str:
    """Return the longest of the `names` that the file's name starts with; "" for none."""
    fitting = [name for name in names if file.stem == name or file.stem.startswith(f"{name}_")]
    return max(fitting, key=len, default="")


def _joined(name: str, mark: str) -> str:
    return f"{name}@{mark}" if mark else name
