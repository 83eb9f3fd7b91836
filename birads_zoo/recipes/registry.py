"""The catalogue, registry.toml: recipes, models to compare, plugin files, reported results, licences of weights.

The packaged file says what is official; a `registry.toml` in the working directory extends it. A recipe of the
same name there replaces the packaged one; models, plugins, references and licences are added. A registry.toml names
plugin files, whose code is run. Commands that open other people's files therefore ignore the working directory's
(`packaged_registry`).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import msgspec

from birads_zoo.errors import UserError, did_you_mean, nearest, unknown_name
from birads_zoo.files.regular import read_regular
from birads_zoo.files.toml_text import parse_toml
from birads_zoo.recipe import ModelSection, from_dict
from birads_zoo.recipe.checking import in_words
from birads_zoo.recipe.layers import flat, lay
from birads_zoo.version import __version__

FILE_NAME = "registry.toml"
_OWN_KEYS = ("extends", "summary", "backbones")
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A published result with its source, shown beside our own results. Shares are in [0, 1]."""

    title: str
    source: str
    network: str
    split: str
    accuracy: _Share | None = None
    macro_f1: _Share | None = None
    macro_precision: _Share | None = None
    macro_recall: _Share | None = None
    weighted_f1: _Share | None = None
    weighted_precision: _Share | None = None
    weighted_recall: _Share | None = None
    note: str = ""


class _Plugins(msgspec.Struct, frozen=True, kw_only=True):
    files: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()


class _Models(msgspec.Struct, frozen=True, kw_only=True):
    compare: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """The shape of one registry.toml; recipes are checked by `birads_zoo.recipe`."""

    recipes: dict[str, dict[str, Any]] = {}
    models: _Models = _Models()
    plugins: _Plugins = _Plugins()
    references: tuple[Reference, ...] = ()
    licences: dict[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The contents of the packaged registry.toml and the working directory's together.

    `recipes` are tables as written; `origins` has the file of each. `models` are the backbones that a
    comparison takes by default. `plugin_files` are absolute.
    `disabled` names distributions ("acme-zoo") or single entry points ("acme-zoo:losses").
    """

    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origins: Mapping[str, Path] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    plugin_files: tuple[Path, ...] = ()
    disabled: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    licences: Mapping[str, str] = field(default_factory=dict)

    def recipe(self, name_or_file: str, backbone: str | None = None) -> dict[str, Any]:
        """Return a recipe's values, as `birads_zoo.recipe.from_dict` takes them.

        `name_or_file` is a recipe's name, or a TOML file with one recipe table. Each table overrides the one that it
        `extends`, and its `backbones.BACKBONE` table overrides the table itself. BACKBONE is `backbone`, or the
        recipe's own when that is `None`.

        Raises `UserError` for an unknown name, an unreadable file, and recipes that extend each other.
        """
        tables = self._tables(name_or_file)
        backbone = backbone or _own_backbone(tables)
        values: dict[str, Any] = {}
        for table in tables:
            fields = {key: value for key, value in table.items() if key not in _OWN_KEYS}
            settled = lay(fields, {"model": {"backbone": backbone}})
            values = lay(lay(values, settled), table.get("backbones", {}).get(backbone, {}))
        return values

    def giver(self, name: str) -> str:
        """Return where the recipe `name` comes from: "birads-zoo 0.3", or the path of a registry.toml."""
        origin = self.origins[name]
        return f"birads-zoo {__version__}" if origin == packaged_file() else str(origin)

    def _tables(self, name_or_file: str) -> list[Mapping[str, Any]]:
        """Return the recipe's tables, from the one that extends nothing to the recipe itself."""
        if name_or_file not in self.recipes and (name_or_file.endswith(".toml") or Path(name_or_file).is_file()):
            table: Mapping[str, Any] = _read(Path(name_or_file))
            _check_recipe(table, name_or_file)
        else:
            table = self._named(name_or_file)
        tables, path = [table], [name_or_file]
        while "extends" in table:
            path.append(table["extends"])
            if path[-1] in path[:-1]:
                raise UserError(
                    f"recipes extend each other in a circle: {' → '.join(path)}; remove `extends` from one of them"
                )
            table = self._named(path[-1])
            tables.insert(0, table)
        return tables

    def _named(self, name: str) -> Mapping[str, Any]:
        if name not in self.recipes:
            raise unknown_name("recipe", name, self.recipes)
        return self.recipes[name]


def load_registry(cwd: Path | None = None) -> Registry:
    """Read the packaged registry.toml and, where there is one, that of `cwd` (default: the working directory).

    Raises `UserError` for a file that cannot be read, is not TOML, or has an unknown key or a wrong type.
    """
    packaged = packaged_file()
    local = (cwd or Path.cwd()) / FILE_NAME
    if not os.path.lexists(local) or (local.exists() and local.samefile(packaged)):
        return _read_together([packaged])
    return _read_together([packaged, local])  # a link to no file is an error


def packaged_registry() -> Registry:
    """Read the packaged registry.toml alone."""
    return _read_together([packaged_file()])


def _read_together(files: Sequence[Path]) -> Registry:
    recipes: dict[str, Mapping[str, Any]] = {}
    origins: dict[str, Path] = {}
    models: list[str] = []
    plugin_files: list[Path] = []
    disabled: list[str] = []
    references: list[Reference] = []
    licences: dict[str, str] = {}
    for path in files:
        content = read_file(path)
        for name, table in content.recipes.items():
            recipes[name], origins[name] = MappingProxyType(table), path
        models += content.models.compare
        plugin_files += [_plugin_file(path, file) for file in content.plugins.files]
        disabled += content.plugins.disabled
        references += [reference for reference in content.references if reference not in references]
        licences |= content.licences
    return Registry(
        recipes=recipes,
        origins=origins,
        models=tuple(dict.fromkeys(models)),
        plugin_files=tuple(dict.fromkeys(plugin_files)),
        disabled=tuple(dict.fromkeys(disabled)),
        references=tuple(references),
        licences=licences,
    )


def _plugin_file(registry: Path, file: str) -> Path:
    try:
        return (registry.parent / file).resolve()
    except (ValueError, OSError):  # NUL, or a name that is too long
        raise UserError(f"{registry}: key 'plugins.files': no file can be called {file!r}") from None


def packaged_file() -> Path:
    """Return the packaged registry.toml: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).parent.parent
    for path in (package / FILE_NAME, package.parent / FILE_NAME):
        if path.is_file():
            return path
    raise UserError(f"{package / FILE_NAME} is missing, so this installation is damaged; re-install birads-zoo")


def read_file(path: Path) -> _File:
    """Read and check one registry.toml; raises `UserError` that names the file and the key."""
    values = _read(path)
    _check_keys(values, path)
    try:
        content = msgspec.convert(values, _File)
    except msgspec.ValidationError as error:
        raise UserError(f"{path}: {in_words(str(error))}") from None
    for name, table in content.recipes.items():
        _check_recipe(table, f"{path}, [recipes.{name}]")
    return content


def _read(path: Path) -> dict[str, Any]:
    try:
        return parse_toml(read_regular(path).decode("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UserError(
            f"{path} is not valid TOML: {str(error)[0].lower()}{str(error)[1:]}; correct it there"
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not valid TOML: it is not encoded in UTF-8; save it as UTF-8") from None
    except ValueError as error:
        raise UserError(f"{path} cannot be read as TOML: {error}; correct it there") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path and its permissions") from None


def _check_recipe(table: Mapping[str, Any], source: str) -> None:
    """Check a recipe's own keys, then its fields and those of its overrides."""
    for key in ("extends", "summary"):
        if not isinstance(table.get(key, ""), str):
            raise UserError(f"{source}: key {key!r}: expected text, got {table[key]!r}")
    overrides = table.get("backbones", {})
    if not isinstance(overrides, dict) or not all(isinstance(value, dict) for value in overrides.values()):
        raise UserError(f"{source}: key 'backbones': expected a table for each backbone's name")
    fields = {key: value for key, value in table.items() if key not in _OWN_KEYS}
    from_dict(fields, source)
    for backbone, values in overrides.items():
        from_dict(values, f"{source}, backbones.{backbone}")


def _check_keys(values: Mapping[str, Any], path: Path) -> None:
    """Raise a `UserError` for an unknown key, with the nearest valid one."""
    _require_known(values, _File.__struct_fields__, path, "")
    for section, fields in (("plugins", _Plugins.__struct_fields__), ("models", _Models.__struct_fields__)):
        if isinstance(values.get(section), dict):
            _require_known(values[section], fields, path, f"{section}.")
    references = values.get("references", [])
    for number, reference in enumerate(references if isinstance(references, list) else []):
        if isinstance(reference, dict):
            _require_known(reference, Reference.__struct_fields__, path, f"references[{number}].")


def _require_known(values: Iterable[str], known: tuple[str, ...], path: Path, prefix: str) -> None:
    for key in values:
        if key not in known:
            near = [prefix + name for name in nearest(key, known)[:1]]
            hint = did_you_mean(near) or f"known: {', '.join(known)}."
            raise UserError(f"{path}: unknown key {prefix + key!r}; {hint}")


def _own_backbone(tables: Iterable[Mapping[str, Any]]) -> str:
    backbone = ModelSection().backbone
    for table in tables:
        backbone = flat(table).get("model.backbone", backbone)
    return backbone
