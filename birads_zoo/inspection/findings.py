"""What an inspection means: each finding has a number, and says in one sentence what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from birads_zoo.evaluation.words import p_text
from birads_zoo.inspection.finding import Finding, counted, share
from birads_zoo.inspection.inspect import Duplicate, Inspection
from birads_zoo.inspection.label_findings import label_findings
from birads_zoo.inspection.population import HELD_OUT, held_out

_LEVEL = 0.05
_DEEPEST = 16  # bits
_TELLING = 0.1  # of the way from guessing to knowing: below, a fact that names the class is a curiosity
_STRIKING, _FEW = 0.3, 30  # a larger gain is told even where so few units cannot show it
_PERCENT = f"{HELD_OUT:.0%}".replace("%", " %")


def find(inspection: Inspection) -> tuple[Finding, ...]:
    """Return the findings of an inspection, warnings first; () for a data set about which nothing stands out."""
    found = (
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
    return tuple(sorted(found, key=lambda one: one.severity == "note"))


def _copies(inspection: Inspection) -> Iterator[Finding]:
    rest = list(inspection.duplicates)

    def take(name: str, chosen: list[Duplicate], severity: Literal["warning", "note"], consequence: str) -> Finding:
        rest[:] = [one for one in rest if one not in chosen]
        ways = ", ".join(f"{count} {kind}" for kind, count in _kinds(chosen).items())
        shown = f"{counted(len(chosen), 'pair')} ({ways})"
        return Finding(name=name, severity=severity, number=len(chosen), shown=shown, consequence=consequence)

    if chosen := [one for one in rest if "classes" in one.crosses]:
        yield take(
            "one picture, two classes",
            chosen,
            "warning",
            f"the same picture bears two classes, such as rows {_rows(chosen[0])}: no model can be right about both",
        )
    if chosen := [one for one in rest if "patients" in one.crosses]:
        yield take(
            "one picture, two patients",
            chosen,
            "warning",
            f"the same picture lies under two patients, such as rows {_rows(chosen[0])}: "
            "a split by patient can put it on both sides, and scores what was learnt by heart",
        )
    if chosen := [one for one in rest if "exposures" in one.crosses]:
        yield take(
            "one picture, two exposures",
            chosen,
            "warning",
            f"the same picture stands for two views or breasts of one patient, such as rows {_rows(chosen[0])}: "
            "one of them is mislabelled",
        )
    if chosen := list(rest):
        yield take(
            "repeated picture",
            chosen,
            "note",
            f"a patient's picture is there more than once, such as rows {_rows(chosen[0])}: "
            "it counts double, and a split by image puts it on both sides",
        )


def _rare(inspection: Inspection) -> Iterator[Finding]:
    for one in inspection.population:
        if one.missed is not None and one.missed >= _LEVEL:
            drawn = held_out(inspection.patients)
            yield Finding(
                name=f"rare class {one.name}",
                severity="warning",
                number=one.missed,
                shown=share(one.missed),
                consequence=(
                    f"a random {_PERCENT} of the patients ({drawn} of {inspection.patients}) holds none of the "
                    f"{one.patients} with {one.name} {share(one.missed)} of the time, and "
                    f"{one.patients * drawn / inspection.patients:.2g} on average: what such a test says of "
                    f"{one.name} is luck"
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
                f"patient ids differ in case, hyphens, zeros or invisible characters alone, such as {examples}: a "
                "split by patient can put one of these patients on both sides; write one id, or let --merge-ids "
                "take them for one where the data set has it"
            ),
        )


def _formats(inspection: Inspection) -> Iterator[Finding]:
    hinted = False
    for one in inspection.naming:  # best first, so of those that cannot be shown the most striking is told
        gain = (one.accuracy - one.chance) / (1 - one.chance)
        filed = one.fact == "folder"  # where folders are the classes, they must name them
        shown = one.p_value <= _LEVEL and gain >= _TELLING
        if not shown and (hinted or gain < _STRIKING or one.units > _FEW):
            continue
        hinted = hinted or not shown
        told = (
            f"the {one.fact} tells {share(one.accuracy)} of unseen patients' classes rightly, averaged over "
            f"{one.classes} classes, where guessing tells {share(one.chance)} "
            f"({p_text(one.p_value, '.2g')}, n = {one.units})"
        )
        if filed:
            consequence = f"{told}: pictures are filed by class"
        elif shown:
            consequence = f"{told}, and a network may read it off the picture"
        else:
            consequence = f"{told}: too few patients to tell it from luck, so look at the table of files"
        yield Finding(
            name=f"{one.fact} {'names' if shown else 'may name'} the class",
            severity="warning" if shown and not filed else "note",
            number=one.accuracy,
            shown=share(one.accuracy),
            consequence=consequence,
        )


def _views(inspection: Inspection) -> Iterator[Finding]:
    breasts = {one.views: sum(one.breasts.values()) for one in inspection.views}
    if len(breasts) > 1:
        total, usual = sum(breasts.values()), next(iter(breasts))
        odd = total - breasts[usual]
        yield Finding(
            name="views per breast",
            severity="note",
            number=odd,
            shown=f"{odd} of {counted(total, 'breast')}",
            consequence=f"{counted(odd, 'breast')} without exactly the usual views ({usual}): what combines views must "
            "do without some",
        )


def _pictures(inspection: Inspection) -> Iterator[Finding]:
    for one in inspection.population:
        if not one.usable and inspection.usable:
            yield Finding(
                name=f"no picture of {one.name}",
                severity="note",
                number=one.rows,
                shown=counted(one.rows, "row"),
                consequence=(
                    f"{one.name} has {counted(one.rows, 'row')} and no usable picture: no run can learn or test it"
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
                f"every 16-bit picture uses 1/{2 ** (_DEEPEST - bits)} of its range, {counted(bits, 'bit')}: a network "
                f"sees it nearly black; say it once with --set image.bits={bits}"
            ),
        )


def _chests(inspection: Inspection) -> Iterator[Finding]:
    found = inspection.chests
    if found.mirrored:
        most = found.mirrored > found.known / 2
        why = "most are, so the data set may mirror them" if most else "it is mirrored, or its side is recorded wrongly"
        yield Finding(
            name="chest wall on the other side",
            severity="warning",
            number=found.mirrored,
            shown=f"{found.mirrored} of {counted(found.known, 'picture')}",
            consequence=(
                "a left breast's chest wall hangs on the left by convention, and a right one's on the right; here it "
                f"is on the other side, such as in {_named(found.mirrored_such_as)}: {why}"
            ),
        )
    if found.lost:
        yield Finding(
            name="no breast found",
            severity="warning",
            number=found.lost,
            shown=f"{found.lost} of {counted(found.pictures, 'picture')}",
            consequence=f"nothing stands out in {_named(found.lost_such_as)}: such a picture is taken whole",
        )


def _named(paths: tuple[str, ...]) -> str:
    return ", ".join(paths[:-1]) + " and " + paths[-1] if len(paths) > 1 else paths[0]


def _kinds(chosen: list[Duplicate]) -> dict[str, int]:
    kinds = [one.kind for one in chosen]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def _rows(one: Duplicate) -> str:
    return f"{one.first.row} and {one.second.row}"
