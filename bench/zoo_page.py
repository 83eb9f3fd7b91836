"""docs/zoo.md, from the report of `bench/zoo.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

_HEAD = """# Families of backbones

Written by `make zoo` ({command}); timm {timm}, torchvision {torchvision}, torch {torch}.

A family is a module of timm or torchvision: networks that share their code. From each family the member with the fewest
parameters was tried (without timm's own `test_` networks), with random weights and one grey channel, on a CPU, in a separate
process with {memory:.0f} GiB of memory. A family works if the engine could build it at two sizes, one of which is not square,
train it for one step and explain it by Grad-CAM, and if it passed `birads_zoo.conformance` in its own channels. It was also
tried whether a file of the library's own weights (with the library's names and shapes, its head, its own size and channels)
could be loaded into a network for one channel and the second size. A family that works here works with `--backbone` in every
command.

"""
_TABLE = """
| family | member | parameters | feature map | made for | weights file | licence of the default weights | verdict |
| --- | --- | ---: | --- | --- | --- | --- | --- |
"""


def page(report: Mapping[str, Any], memory: int) -> str:
    """Return the page of a report as `bench/zoo.py` writes it."""
    families: Mapping[str, Mapping[str, Any]] = report["families"]
    text = _HEAD.format(command="`python bench/zoo.py`", memory=memory / 2**30, **report["versions"])
    text += "".join(f"{line}\n" for line in _counts(families))
    text += _TABLE + "".join(_row(family, result) for family, result in families.items())
    return text + "".join(_remarks(families))


def _counts(families: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for library in dict.fromkeys(family.partition("/")[0] for family in families):
        verdicts = Counter(result["verdict"] for family, result in families.items() if family.startswith(f"{library}/"))
        small = verdicts.total() - verdicts["memory"]
        yield (
            f"- **{library}**: {verdicts['works']} of {small} families work ({verdicts['works'] / small:.1%}); "
            f"{verdicts['memory']} more did not fit in the memory."
        )
    fit = sum(result["weights"] == "fit" for result in families.values())
    yield f"- A file of the library's own weights fits {fit} of {len(families)} families, at another size and in one channel."


def _row(family: str, result: Mapping[str, Any]) -> str:
    maps = ", ".join(f"{h}×{w} → {d}×{y}×{x}" for h, w, d, y, x in (_in_order(tried) for tried in result["tried"]))
    parameters = f"{result['parameters'] / 1e6:.1f} M" if result["parameters"] else ""
    own = "×".join(map(str, result["own"] or ()))
    weights = {"fit": "fits", None: "not tried"}.get(result["weights"], "does not fit")
    licence = (result["licence"] or "").partition(";")[0] or "no weights"
    verdict = {"memory": "needs more memory", "time": "took too long"}.get(result["verdict"], result["verdict"])
    cells = (family, result["member"].partition("/")[2], parameters, maps, own, weights, licence, verdict)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def _in_order(tried: list[int]) -> tuple[int, int, int, int, int]:
    height, width, channels, rows, columns = tried
    return height, width, channels, rows, columns


def _remarks(families: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    remarks = [
        f"- {family}: {text}\n"
        for family, result in families.items()
        for text in [*result["warnings"], *([result["weights"]] if result["weights"] not in ("fit", None) else [])]
    ]
    if remarks:
        yield "\n## Remarks\n\n"
        yield from remarks
