"""What a study asks for: which recipes, each with which seeds, and where each run lies."""

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
"""The splits of a leakage study, the tight one first."""
_FROZEN = {"none": "", "early": ", early stages frozen", "all": ", frozen"}
_WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of a study: a recipe that is run once a seed.

    `mark` tells two recipes of the same run id apart. `ablation` is the one that the recipe has more than the variant
    that it is compared with; "" for a full model. `start` says in words from which weights its backbone begins.
    """

    recipe: Recipe
    mark: str = ""
    ablation: str = ""
    start: str = ""

    @property
    def name(self) -> str:
        """As `resnet50+no-dropout` or `resnet50@image`; unique in a study."""
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
        """As `resnet50+no-dropout@0`, `resnet50@0@image`."""
        return _joined(f"{self.variant.recipe.run_id}@{self.seed}", self.variant.mark)

    @property
    def folder(self) -> str:
        """The name of the run's folder."""
        return folder_name(self.name)


@dataclass(frozen=True, kw_only=True)
class Study:
    """Variants of which each is run with every seed; `metric` (a flat name) is what they are judged by."""

    kind: str
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    metric: Metric
    command: str

    def __post_init__(self) -> None:
        names = [variant.name for variant in self.variants]
        if twice := {name for name in names if names.count(name) > 1}:
            raise UserError(f"{twice.pop()!r} is asked for twice in one study; name it once")

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Every run, seed by seed: a study that is stopped early has compared all variants with the first seeds."""
        return tuple(Job(variant=variant, seed=seed) for seed in self.seeds for variant in self.variants)


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """Return `count` seeds, the recipe's own `first`; raises `UserError` for none."""
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
    """Return every backbone under every recipe, as it is and with each of the ablations alone.

    No `backbones` means those of `[models]` in registry.toml. `weights` is a folder in which a backbone's weights may
    lie. With several recipes each variant is marked with its recipe's name (of a file, its stem).
    """
    variants: list[Variant] = []
    for recipe_name in recipes:
        mark = Path(recipe_name).stem if len(recipes) > 1 else ""
        for backbone in backbones or registry.models:
            own = dict(changes) | {"model.backbone": backbone} | weights_of(backbone, weights, host)
            full = compose(recipe_name, own, (), registry, host)
            variants += ablated(full, ablations, host, mark)
    return tuple(variants)


def ablated(full: Recipe, ablations: Sequence[str], host: Host, mark: str = "") -> tuple[Variant, ...]:
    """Return `full`, and `full` with each of the ablations alone that it has not yet.

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
    """Say from which weights a recipe's backbone begins, and what of it is frozen: "random", "pretrained, frozen".

    "" where it cannot be run: its run will say why.
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
    """Return the recipe's change that takes `backbone`'s weights from `folder`; none where no file there is its own.

    Its file is called `<backbone>` or `<backbone>_…`, with "~" for the "/" of a family's member, and ends in
    .safetensors, .pth or .pt. Where several backbones' names fit, it belongs to the longest.

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
    known = {folder_name(name): name for name in (backbone, *host.backbones, *(f"{prefix}/{one}" for one in members))}
    own = [file for file in files if known.get(_named(file, known)) == backbone]
    if len(own) > 1:
        raise UserError(
            f"{folder} has several weights of {backbone}: {', '.join(file.name for file in own)}; leave one there"
        )
    stray = [file for file in files if member and _named(file, known) == "" and _named(file, (member,))]
    if stray and not own:
        raise UserError(
            f"{stray[0]} names no backbone: call the weights of {backbone} {folder_name(backbone)}{stray[0].suffix}, "
            "or take the file out of that folder"
        )
    return {"model.weights": str(own[0])} if own else {}


def _named(file: Path, names: Iterable[str]) -> str:
    """Return the longest of the `names` with which the file's own begins; "" for none."""
    fitting = [name for name in names if file.stem == name or file.stem.startswith(f"{name}_")]
    return max(fitting, key=len, default="")


def _joined(name: str, mark: str) -> str:
    return f"{name}@{mark}" if mark else name
