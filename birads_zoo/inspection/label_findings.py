"""Findings about labels: whether they are of pictures, breasts or patients, and how those of one patient agree."""

from __future__ import annotations

from collections.abc import Iterator

from birads_zoo.data.index.view_names import WHOLE
from birads_zoo.inspection.finding import Finding, counted, share
from birads_zoo.inspection.granularity import LEVELS, SURE, GroupAgreement, Level
from birads_zoo.inspection.inspect import Inspection

_RELEVANT = 0.1  # how much more often two pictures of one patient must agree than pictures of two, to be reported
_OF: dict[Level, str] = {"image": "a picture", "breast": "a breast", "patient": "a patient"}


def label_findings(inspection: Inspection) -> Iterator[Finding]:
    """Yield the findings about labels."""
    yield _granularity(inspection)
    yield from _patients(inspection)
    yield from _sides(inspection)


def _granularity(inspection: Inspection) -> Finding:
    granularity = inspection.granularity
    declared, possible, breasts, exams = (
        granularity.declared,
        granularity.possible,
        granularity.breasts,
        granularity.exams,
    )
    group, known = ("exam", exams) if exams.groups and not breasts.groups else ("breast", breasts)
    named = " or ".join(_OF[level] for level in possible)
    name = f"labels are of {named}" if len(possible) < len(LEVELS) else "what labels are of is unknown"
    agreement = "; ".join(
        (
            _agreement(breasts, "breast", "")
            or "no breast is known to have two pictures, so labels of pictures and of breasts cannot be distinguished",
            _agreement(exams, "exam", " of both breasts")
            or "no exam is known to show both breasts, so labels of breasts and of patients cannot be distinguished",
        )
    )
    return Finding(
        name=name,
        severity="note" if declared in possible else "warning",
        number=known.alike / known.groups if known.groups else 0.0,
        shown=f"{known.alike} of {counted(known.groups, group)} agree{'s' * (known.groups == 1)}",
        consequence=f"{agreement}; {_meaning(inspection.target, declared, possible)}",
    )


def _agreement(agreement: GroupAgreement, group: str, about: str) -> str:
    """Return a clause on how many groups' labels agree; "" without a group. `about` follows the groups' name."""
    if not agreement.groups:
        return ""
    clause = (
        f"all pictures have one label in {agreement.alike} of {counted(agreement.groups, group)}{about} "
        f"({agreement.by_chance:.0f} by chance)"
    )
    others = agreement.others
    if others.by_chance is not None:
        clause += (
            f", and in {others.same} of the {others.groups} that have a class other than {agreement.commonest} "
            f"({share(others.by_chance)} by chance)"
        )
    return clause


def _meaning(target: str, declared: Level, possible: tuple[Level, ...]) -> str:
    read = f"target {target!r} reads them as those of {_OF[declared]}"
    if declared in possible:
        return f"{read}, which {'fits' if len(possible) == 1 else 'is possible'}"
    level = possible[0]
    remedy = f"--set dataset.level={level} --set dataset.views={WHOLE[level]}"
    if LEVELS.index(declared) < LEVELS.index(level):
        return (
            f"{read}, so a model of single pictures learns the class of {_OF[level]} from a view that may show nothing "
            f"of it; {remedy} makes one prediction for {_OF[level]}"
        )
    return f"{read}, so a run leaves out those that have several classes; {remedy} predicts each label separately"


def _patients(inspection: Inspection) -> Iterator[Finding]:
    several, agreement = inspection.several, inspection.agreement
    if several.patients:
        places = {
            "in one breast at one exam": several.within_breast,
            "between the breasts of one exam": several.between_breasts,
            "between exams": several.between_exams,
        }
        counts = ", ".join(f"{count} {place}" for place, count in places.items() if count)
        yield Finding(
            name="patients with several classes",
            severity="warning" if several.within_breast else "note",
            number=several.patients,
            shown=f"{several.patients} of {counted(several.known, 'patient')}",
            consequence=(
                f"{several.patients} with several classes ({counts}): such a patient counts in each, "
                "and a rule must choose one class for her"
            ),
        )
    same, other = agreement.same_patient, agreement.different_patients
    if same is not None and other is not None and same - other >= _RELEVANT:
        yield Finding(
            name="the patient predicts the class",
            severity="warning",
            number=same,
            shown=share(same),
            consequence=(
                f"two pictures of one patient have the same class {share(same)} of the time, those of two patients "
                f"{share(other)}: a split that puts one patient on both sides rewards a model that recognises the "
                "patient"
            ),
        )


def _sides(inspection: Inspection) -> Iterator[Finding]:
    for entry in inspection.granularity.exams.classes:
        if entry.rate is None or entry.low is None or entry.by_chance is None:
            continue
        exams = f"{entry.same} of {counted(entry.groups, 'exam')} of both breasts"
        if entry.rate >= SURE and entry.low > entry.by_chance:
            yield Finding(
                name=f"labels of {entry.name} are the patient's",
                severity="warning",
                number=entry.rate,
                shown=share(entry.rate),
                consequence=(
                    f"{entry.name} is the same on both sides in {exams} (by chance {share(entry.by_chance)}): it "
                    "seems to be the patient's, so her breasts are not two examples, and one may have the other's label"
                ),
            )
        elif entry.rate <= 1 - SURE / 2:
            yield Finding(
                name=f"labels of {entry.name} are a breast's",
                severity="note",
                number=entry.rate,
                shown=share(entry.rate),
                consequence=f"{entry.name} is the same on both sides in {exams} only: its label is a breast's, not "
                "the patient's",
            )
