"""Hostile TOML files (recipes and registries) and JSON documents."""

import json
from collections.abc import Iterator
from pathlib import Path

from hostile.case import Base, Case, Content, as_file, damaged, with_digest

_RECIPE = b'seed = 1\n[model]\nbackbone = "baseline_cnn"\ndropout = 0.1\n[training]\nepochs = 3\n'
_REGISTRY = (
    b'[recipes.mine]\nextends = "default"\n[recipes.mine.training]\nepochs = 3\n[models]\ncompare = ["resnet50"]\n'
)


def cases() -> Iterator[Case]:
    for reader, whole, file in (("recipe", _RECIPE, "recipe.toml"), ("registry", _REGISTRY, "registry.toml")):
        yield as_file(reader, f"{reader}, whole", whole, file, refused=False, control=True)
        yield from damaged(reader, reader, whole, file)
        for name, content in _toml():
            yield as_file(reader, f"{reader} {name}", content, file)
    for name, content in _recipes():
        yield as_file("recipe", f"recipe {name}", content, "recipe.toml")
    for name, content in _odd_but_usable():
        yield as_file("recipe", f"recipe {name}", content, "recipe.toml", refused=False)
    for name, content in _registries():
        yield as_file("registry", f"registry {name}", content, "registry.toml")
    for kind in ("Environment", "RunMetrics", "Cost", "Explanations", "Manifest", "Stopped"):
        for name, content in _json():
            yield as_file(f"document {kind}", f"{kind} {name}", content, "a.json")
        yield Case(name=f"{kind} that is a folder", reader=f"document {kind}", make=_folder)
    for name, file in (("environment", "Environment"), ("metrics", "RunMetrics"), ("cost", "Cost")):
        yield from _edited(f"document {file}", name)


def _folder(folder: Path, base: Base) -> Path:
    (folder / "a.json").mkdir()
    return folder / "a.json"


def _toml() -> Iterator[tuple[str, Content]]:
    yield "in UTF-16", 'a = "b"'.encode("utf-16")
    yield "that is no text", bytes(range(256)) * 10
    yield "with NUL", b'a = "\0"'
    yield "of arrays nested 100,000 deep", b"a = " + b"[" * 100_000
    yield "of arrays nested 500 deep", b"a = " + b"[" * 500 + b"]" * 500
    yield "of tables nested 100,000 deep", b"a = " + b"{b = " * 100_000
    yield "with a key of 20,000 parts", b"a." * 20_000 + b"b = 1"
    yield "with a table of 20,000 parts", b"[" + b"a." * 20_000 + b"b]"
    yield "with an integer of 5000 digits", b"seed = " + b"1" * 5000
    yield "with a hexadecimal integer of 50,000 digits", b"seed = 0x" + b"f" * 50_000
    yield "with a float of 100,000 digits", b"a = 1." + b"1" * 100_000
    yield "with a date that does not exist", b"a = 2019-02-31"
    yield "with 30,000 keys", b"".join(b"a%d = 1\n" % number for number in range(30_000))
    yield "with a key that colours the terminal", b'"\\u001b[31mred\\u0007" = 1'
    yield "with a surrogate", b'a = "\\ud800"'
    yield "with a key of 1 MB", b"a" * 1_000_000 + b" = 1"
    yield "with a text that does not end", b'a = """' + b"x" * 1_000_000


def _recipes() -> Iterator[tuple[str, Content]]:
    for text in (
        *("seed = -1", "seed = 1e999", "seed = nan", "seed = true", "seed = 2019-01-01", f"seed = {2**80}"),
        *("training = 5", "training.epochs = 0", "training.epochs = 1.5", "training.learning_rate = inf"),
        *("training.learning_rate = nan", "training.weight_decay = inf", "split.folds = 1", "model.dropout = 1.0"),
        *("image.height = 0", f"image.height = {10**9}", f"image.width = {2**63}", f"model.hidden = {10**12}"),
        *(f"model.channels = {10**9}", f"split.folds = {10**12}", "model = []", 'model.backbone = "../x"'),
        'model.backbone = "\\u001b[31mred"',
        *('ablations = ["no-such"]', 'ablations = "no-dropout"', "dataset.options = 3", "loss.options.gamma = []"),
        *('dataset.options."a.b" = 1', "evaluation.costs = [[nan]]", "evaluation.costs = [[-1]]", "tracking = 1"),
        *('extends = "no-such"', "backbones = 1", "backbones.resnet50 = 1", "extends = 3", 'loss = "\\u0000"'),
        *("explainer.options = {a = {a = {a = 1}}}", 'augmentation.name = ""', "model.pixel_std = [0.0]"),
    ):
        yield text, text.encode()


def _odd_but_usable() -> Iterator[tuple[str, Content]]:
    """Yield recipes of files that do not exist, which only a run needs."""
    for text in ('dataset.root = "a\\u0000b"', 'model.weights = "a\\u0000b"', 'dataset.root = "/dev/stdin"'):
        yield text, text.encode()


def _registries() -> Iterator[tuple[str, Content]]:
    for text in (
        *("[recipes]\nmine = 3", "[models]\ncompare = 3"),
        *("[plugins]\nfiles = [3]", '[plugins]\nfiles = ["a\\u0000b.py"]', "[plugins]\nfiles = 1", "licences = 3"),
        *("references = [1]", '[[references]]\ntitle = "a"', "[[references]]\naccuracy = 7", "recipes = []"),
    ):
        yield text.replace("\n", " "), text.encode()


def _json() -> Iterator[tuple[str, Content]]:
    yield "that is empty", b""
    yield "that is no text", bytes(range(256))
    yield "of another kind", b'{"format": 1, "birads_zoo": "1", "a": 1}'
    yield "without a format", b"{}"
    yield "of a format of 5000 digits", b'{"format": ' + b"1" * 5000 + b"}"
    yield "of lists nested 100,000 deep", b'{"format": ' + b"[" * 100_000
    yield "of lists nested 100,000 deep and closed", b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    yield "of objects nested 50,000 deep", b'{"a":' * 50_000
    yield "of a version that colours the terminal", b'{"format": 99, "birads_zoo": "\\u001b[31mred\\n\\u0007"}'
    yield "that is a list", b"[1, 2]"
    yield "in UTF-16", '{"format": 1}'.encode("utf-16")
    yield "with a lone surrogate", b'{"format": 1, "birads_zoo": "\\ud800", "notice": "\\udfff"}'
    yield "with NaN", b'{"format": NaN}'


WRONG = ('""', "-1", "1e999", "[]", "{}", "null", '"\\u0000"', "1" * 5000, '"\\u001b[2J"')

"""JSON values that are wrong in most places."""


def _edited(reader: str, stem: str) -> Iterator[Case]:
    """Yield the run's own documents with one value replaced."""
    for number in range(12):

        def make(folder: Path, base: Base, number: int = number) -> Path:
            whole = json.loads((base.run / f"{stem}.json").read_text())
            keys = sorted(key for key in whole if key not in ("format", "birads_zoo", "digest"))
            key = keys[(number * 7) % len(keys)]
            text = json.dumps(whole | {key: "@"}).replace('"@"', WRONG[number % len(WRONG)])
            (folder / "a.json").write_text(with_digest(text))
            return folder / "a.json"

        yield Case(name=f"{stem}.json, value {number} replaced", reader=reader, make=make, refused=False)
