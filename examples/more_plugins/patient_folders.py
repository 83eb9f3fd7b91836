"""A data set: one folder for each patient, with pictures such as LCC.png and a text file of lines LCC.png;benign."""

from typing import Annotated

from msgspec import Meta

from birads_zoo import AuditEntry, DatasetSpec, Options, Target, UserError, hookimpl, make_index

CLASSES = {"normal": ("normal",), "benign": ("benign",), "malignant": ("malignant",)}
FINDING = Target(name="finding", column="label", classes=CLASSES, ordinal=True, positive=("malignant",))


class PatientFoldersOptions(Options, frozen=True, kw_only=True):
    labels: Annotated[str, Meta(min_length=1, description="the name of each patient's text file")] = "labels.txt"
    separator: Annotated[str, Meta(min_length=1, description="what stands between picture and label")] = ";"


def load(context):
    options, root = context.options, context.root
    files = sorted(root.glob(f"*/{options.labels}")) if root else []
    if not files:
        raise UserError(f"data set 'patient-folders' finds no */{options.labels} in {root or 'no folder'}: see --root")
    lines = [(file, line) for file in files for line in file.read_text("utf-8").splitlines() if line.strip()]
    records, audit = [], []
    for row, (file, line) in enumerate(lines, start=1):
        name, separator, label = (part.strip() for part in line.partition(options.separator))
        record = {"row": row, "image_path": f"{file.parent.name}/{name}", "patient_id": file.parent.name}
        if separator and name.startswith(("L", "R")):
            records.append(record | {"laterality": name[:1], "view": name[1:].split(".")[0], "label": label})
        else:
            audit.append(AuditEntry(**record, action="dropped", reason="unreadable line", detail=line))
    return make_index(root, records, audit)


@hookimpl
def birads_zoo_datasets():
    summary = "one folder for each patient, labels in a text file"
    options = PatientFoldersOptions
    return [DatasetSpec(name="patient-folders", summary=summary, load=load, targets=(FINDING,), options=options)]
