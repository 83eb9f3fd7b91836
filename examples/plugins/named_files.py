"""A data set: one folder of PNG files named PATIENT_SIDE_VIEW_CLASS.png, such as p017_L_CC_benign.png."""

from typing import Annotated

from msgspec import Meta

from birads_zoo import AuditEntry, DatasetSpec, Options, Target, UserError, hookimpl, make_index

PLUGIN_API = 1

FINDING = Target(
    name="finding",
    column="label",
    classes={"normal": ("normal",), "abnormal": ("benign", "malignant")},
    ordinal=True,
    positive=("abnormal",),
)


class NamedFilesOptions(Options, frozen=True, kw_only=True):
    separator: Annotated[str, Meta(min_length=1, description="what stands between the parts of a name")] = "_"


def load(context):
    if context.root is None or not context.root.is_dir():
        raise UserError("data set 'named-files' needs the folder of its pictures: give it with --root")
    records, audit = [], []
    for row, path in enumerate(sorted(context.root.glob("*.png")), start=1):
        parts = path.stem.split(context.options.separator)
        record = {"row": row, "image_path": path.name}
        if len(parts) == 4 and parts[1] in ("L", "R"):  # a side is one of these, or "" if unknown
            records.append(record | dict(zip(("patient_id", "laterality", "view", "label"), parts, strict=True)))
        else:  # no row is left out silently
            audit.append(AuditEntry(**record, patient_id="", action="dropped", reason="unreadable name"))
    return make_index(context.root, records, audit)


@hookimpl
def birads_zoo_datasets():
    summary = "PNG files whose names have all the data"
    return [DatasetSpec(name="named-files", summary=summary, load=load, targets=(FINDING,), options=NamedFilesOptions)]
