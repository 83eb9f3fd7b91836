"""What the labels of an inspection mean: whose they are, and what a patient's tell of each other."""

from __future__ import annotations

from collections.abc import Iterator

from birads_zoo.data.index.view_names import WHOLE
from birads_zoo.inspection.finding import Finding, counted, share
from birads_zoo.inspection.granularity import LEVELS, SURE, Agreeing, Level
from birads_zoo.inspection.inspect import Inspection

_TELLING = 0.1  # more often than two patients' must two pictures of one agree, or the patient does not name the class
_OF: dict[Level, str] = {"image": "a picture", "breast": "a breast", "patient": "a patient"}


def label_findings(inspection: Inspection) -> Iterator[Finding]:
    """Yield what there is to know of whose the labels are."""
    yield _granularity(inspection)
    yield from _patients(inspection)
    yield from _sides(inspection)


def _granularity(inspection: Inspection) -> Finding:
    found = inspection.granularity
    declared, possible, breasts, exams = found.declared, found.possible, found.breasts, found.exams
    group, known = ("exam", exams) if exams.groups and not breasts.groups else ("breast", breasts)
    named = " or ".join(_OF[level] for level in possible)
    name = f"labels are of {named}" if len(possible) < len(LEVELS) else "what labels are of cannot be told"
    told = "; ".join(
        (
            _agreement(breasts, "breast", "")
            or "no breast is known to have two pictures, so a picture's labels cannot be told from a breast's",
            _agreement(exams, "exam", " of both breasts")
            or "no exam is known to show both breasts, so a breast's labels cannot be told from a patient's",
        )
    )
    return Finding(
        name=name,
        severity="note" if declared in possible else "warning",
        number=known.alike / known.groups if known.groups else 0.0,
        shown=f"{known.alike} of {counted(known.groups, group)} agree{'s' * (known.groups == 1)}",
        consequence=f"{told}; {_meaning(inspection.target, declared, possible)}",
    )


def _agreement(found: Agreeing, group: str, about: str) -> str:
    """Say in how many groups labels agree; "" without a group. `about` goes on after the groups' name."""
    if not found.groups:
        return ""
    said = (
        f"all pictures bear one label in {found.alike} of {counted(found.groups, group)}{about} "
        f"({found.by_chance:.0f} by chance)"
    )
    others = found.others
    if others.by_chance is not None:
        said += (
            f", and in {others.same} of the {others.groups} that have a class other than {found.commonest} "
            f"({share(others.by_chance)} by chance)"
        )
    return said


def _meaning(target: str, declared: Level, possible: tuple[Level, ...]) -> str:
    read = f"target {target!r} reads them as those of {_OF[declared]}"
    if declared in possible:
        return f"{read}, which {'fits' if len(possible) == 1 else 'is possible'}"
    level = possible[0]
    remedy = f"--set dataset.level={level} --set dataset.views={WHOLE[level]}"
    if LEVELS.index(declared) < LEVELS.index(level):
        return (
            f"{read}, so a model of single pictures is told the class of {_OF[level]} for a view that may show nothing "
            f"of it; {remedy} gives {_OF[level]} one prediction"
        )
    return f"{read}, so a run leaves out those that have several classes; {remedy} predicts each label by itself"


def _patients(inspection: Inspection) -> Iterator[Finding]:
    several, agreement = inspection.several, inspection.agreement
    if several.patients:
        places = {
            "in one breast at one exam": several.within_breast,
            "between the breasts of one exam": several.between_breasts,
            "between exams": several.between_exams,
        }
        said = ", ".join(f"{count} {place}" for place, count in places.items() if count)
        yield Finding(
            name="patients of several classes",
            severity="warning" if several.within_breast else "note",
            number=several.patients,
            shown=f"{several.patients} of {counted(several.known, 'patient')}",
            consequence=(
                f"{counted(several.patients, 'patient')} of several classes ({said}): such a patient counts in each, "
                "and her own class needs a rule"
            ),
        )
    same, other = agreement.same_patient, agreement.different_patients
    if same is not None and other is not None and same - other >= _TELLING:
        yield Finding(
            name="the patient names the class",
            severity="warning",
            number=same,
            shown=share(same),
            consequence=(
                f"two pictures of one patient bear the same class {share(same)} of the time, those of two patients "
                f"{share(other)}: a split that puts one patient on both sides rewards a model that recognises the "
                "patient"
            ),
        )


def _sides(inspection: Inspection) -> Iterator[Finding]:
    for one in inspection.granularity.exams.classes:
        if one.rate is None or one.low is None or one.by_chance is None:
            continue
        exams = f"{one.same} of {counted(one.groups, 'exam')} of both breasts"
        if one.rate >= SURE and one.low > one.by_chance:
            yield Finding(
                name=f"labels of {one.name} are the patient's",
                severity="warning",
                number=one.rate,
                shown=share(one.rate),
                consequence=(
                    f"{one.name} is the same on both sides in {exams} (by chance {share(one.by_chance)}): it "
                    "seems to be the patient's, so her breasts are not two examples, and one may bear the other's label"
                ),
            )
        elif one.rate <= 1 - SURE / 2:
            yield Finding(
                name=f"labels of {one.name} are a breast's",
                severity="note",
                number=one.rate,
                shown=share(one.rate),
                consequence=f"{one.name} is the same on both sides in {exams} only: its label is a breast's, not "
                "the patient's",
            )
