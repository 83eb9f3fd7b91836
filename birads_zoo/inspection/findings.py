"""Turns an inspection into findings: each has a number, and one sentence on what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from birads_zoo.evaluation.words import p_text
from birads_zoo.inspection.finding import Finding, counted, share
from birads_zoo.inspection.inspect import Duplicate, Inspection
from birads_zoo.inspection.label_findings import label_findings
from birads_zoo.inspection.population import HELD_OUT, held_out

_SIGNIFICANT = 0.05
_DEEPEST = 16  # bits
_RELEVANT = 0.1  # of the way from guessing to certainty: a fact that predicts the class less well is not reported
_STRIKING, _FEW = 0.3, 30  # a larger gain is reported even if so few units cannot prove it
_PERCENT = f"{HELD_OUT:.0%}".replace("%", " %")


def find(inspection: Inspection) -> tuple[Finding, ...]:
    """Return the findings of an inspection, warnings first."""
    findings = (
        *_copies(inspection),
        *_rare(inspection),
        *_ids(inspection),
        *label_findings(inspection),
        *_formats(inspection),
        *_views(inspection),
        *_pictures(inspection),
        *_greys(inspection),
        *_chests(inspection),
    )
    return tuple(sorted(findings, key=lambda finding: finding.severity == "note"))


def _copies(inspection: Inspection) -> Iterator[Finding]:
    rest = list(inspection.duplicates)

    def take(name: str, chosen: list[Duplicate], severity: Literal["warning", "note"], consequence: str) -> Finding:
        rest[:] = [pair for pair in rest if pair not in chosen]
        kinds = ", ".join(f"{count} {kind}" for kind, count in _kinds(chosen).items())
        shown = f"{counted(len(chosen), 'pair')} ({kinds})"
        return Finding(name=name, severity=severity, number=len(chosen), shown=shown, consequence=consequence)

    if chosen := [pair for pair in rest if "classes" in pair.crosses]:
        yield take(
            "one picture, two classes",
            chosen,
            "warning",
            f"the same picture has two classes, such as rows {_rows(chosen[0])}: no model can be right about both",
        )
    if chosen := [pair for pair in rest if "patients" in pair.crosses]:
        yield take(
            "one picture, two patients",
            chosen,
            "warning",
            f"the same picture is listed under two patients, such as rows {_rows(chosen[0])}: "
            "a split by patient can put it on both sides, and then rewards memorising",
        )
    if chosen := [pair for pair in rest if "exposures" in pair.crosses]:
        yield take(
            "one picture, two exposures",
            chosen,
            "warning",
            f"the same picture is listed as two views or breasts of one patient, such as rows {_rows(chosen[0])}: "
            "one of them is mislabelled",
        )
    if chosen := list(rest):
        yield take(
            "repeated picture",
            chosen,
            "note",
            f"a patient's picture is listed more than once, such as rows {_rows(chosen[0])}: "
            "it counts twice, and a split by image can put it on both sides",
        )


def _rare(inspection: Inspection) -> Iterator[Finding]:
    for entry in inspection.population:
        if entry.missed is not None and entry.missed >= _SIGNIFICANT:
            drawn = held_out(inspection.patients)
            mean = entry.patients * drawn / inspection.patients
            yield Finding(
                name=f"rare class {entry.name}",
                severity="warning",
                number=entry.missed,
                shown=share(entry.missed),
                consequence=(
                    f"of {counted(entry.patients, 'patient')} with {entry.name}, a random test set of {_PERCENT} of "
                    f"all ({drawn} of {inspection.patients}) has {mean:.2g} on average, and none in "
                    f"{share(entry.missed)} of draws: a score for {entry.name} is mostly chance"
                ),
            )


def _ids(inspection: Inspection) -> Iterator[Finding]:
    if groups := inspection.alike_ids:
        examples = "; ".join(" and ".join(map(repr, group)) for group in groups[:3])
        yield Finding(
            name="one patient, several ids",
            severity="warning",
            number=len(groups),
            shown=f"{sum(map(len, groups))} ids of {counted(len(groups), 'patient')}",
            consequence=(
                f"patient ids differ only in case, hyphens, zeros or invisible characters, such as {examples}: a "
                "split by patient can put one of these patients on both sides; write one id, or use --merge-ids if "
                "the data set has that option"
            ),
        )


def _formats(inspection: Inspection) -> Iterator[Finding]:
    hinted = False
    for entry in inspection.naming:  # best first, so the most striking of those without proof is reported
        gain = (entry.accuracy - entry.chance) / (1 - entry.chance)
        filed = entry.fact == "folder"  # folders are often named after the classes
        shown = entry.p_value <= _SIGNIFICANT and gain >= _RELEVANT
        if not shown and (hinted or gain < _STRIKING or entry.units > _FEW):
            continue
        hinted = hinted or not shown
        accuracy = (
            f"the {entry.fact} predicts {share(entry.accuracy)} of unseen patients' classes correctly, averaged over "
            f"{entry.classes} classes; guessing gives {share(entry.chance)} "
            f"({p_text(entry.p_value, '.2g')}, n = {entry.units})"
        )
        if filed:
            consequence = f"{accuracy}: pictures are filed by class"
        elif shown:
            consequence = f"{accuracy}, and a network may see it in the picture"
        else:
            consequence = f"{accuracy}: too few patients to rule out chance, so look at the table of files"
        yield Finding(
            name=f"{entry.fact} {'predicts' if shown else 'may predict'} the class",
            severity="warning" if shown and not filed else "note",
            number=entry.accuracy,
            shown=share(entry.accuracy),
            consequence=consequence,
        )


def _views(inspection: Inspection) -> Iterator[Finding]:
    breasts = {count.views: sum(count.breasts.values()) for count in inspection.views}
    if len(breasts) > 1:
        total, usual = sum(breasts.values()), next(iter(breasts))
        odd = total - breasts[usual]
        yield Finding(
            name="views per breast",
            severity="note",
            number=odd,
            shown=f"{odd} of {counted(total, 'breast')}",
            consequence=f"{counted(odd, 'breast')} without exactly the usual views ({usual}): a model that combines "
            "views gets incomplete samples",
        )


def _pictures(inspection: Inspection) -> Iterator[Finding]:
    for entry in inspection.population:
        if not entry.usable and inspection.usable:
            yield Finding(
                name=f"no picture of {entry.name}",
                severity="note",
                number=entry.rows,
                shown=counted(entry.rows, "row"),
                consequence=(
                    f"{entry.name} has {counted(entry.rows, 'row')} and no usable picture: no run can learn or test it"
                ),
            )


def _greys(inspection: Inspection) -> Iterator[Finding]:
    pictures, bits = inspection.greys.pictures, inspection.greys.bits
    if 0 < bits < _DEEPEST:
        yield Finding(
            name="16-bit pictures of fewer bits",
            severity="warning",
            number=bits,
            shown=f"{counted(bits, 'bit')} of {counted(pictures, 'picture')}",
            consequence=(
                f"every 16-bit picture uses 1/{2 ** (_DEEPEST - bits)} of its range, {counted(bits, 'bit')}: to a "
                f"network it looks nearly black; use --set image.bits={bits}"
            ),
        )


def _chests(inspection: Inspection) -> Iterator[Finding]:
    chests = inspection.chests
    if chests.mirrored:
        most = chests.mirrored > chests.known / 2
        cause = "most are, so the data set may mirror them" if most else "it is mirrored, or its side is wrong"
        yield Finding(
            name="chest wall on the other side",
            severity="warning",
            number=chests.mirrored,
            shown=f"{chests.mirrored} of {counted(chests.known, 'picture')}",
            consequence=(
                "a left breast's chest wall is on the left by convention, and a right one's on the right; here it "
                f"is on the other side, such as in {_named(chests.mirrored_such_as)}: {cause}"
            ),
        )
    if chests.lost:
        yield Finding(
            name="no breast found",
            severity="warning",
            number=chests.lost,
            shown=f"{chests.lost} of {counted(chests.pictures, 'picture')}",
            consequence=f"no breast was detected in {_named(chests.lost_such_as)}: such a picture is not cropped",
        )


def _named(paths: tuple[str, ...]) -> str:
    return ", ".join(paths[:-1]) + " and " + paths[-1] if len(paths) > 1 else paths[0]


def _kinds(chosen: list[Duplicate]) -> dict[str, int]:
    kinds = [pair.kind for pair in chosen]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def _rows(pair: Duplicate) -> str:
    return f"{pair.first.row} and {pair.second.row}"
