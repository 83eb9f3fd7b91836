"""The targets that several data sets share."""

from birads_zoo import Target

BIRADS = Target(
    name="birads",
    column="assessment",
    # 0 (incomplete) and 6 (already proven) are not final assessments of a screening picture.
    classes={f"BI-RADS {category}": (str(category),) for category in range(1, 6)},
    ordinal=True,
    positive=("BI-RADS 4", "BI-RADS 5"),  # biopsy is recommended
    at_lesion=True,
)
SUSPICIOUS = Target(
    name="suspicious",
    column="assessment",
    classes={"BI-RADS 1-3": ("1", "2", "3"), "BI-RADS 4-5": ("4", "5")},
    ordinal=True,
    positive=("BI-RADS 4-5",),
    at_lesion=True,
)
DENSITY = Target(
    name="density",
    column="density",
    classes={letter: (letter,) for letter in "ABCD"},
    ordinal=True,
    positive=("C", "D"),  # heterogeneously and extremely dense: "dense breasts"
)
LABEL = Target(name="label", column="label", classes=None)
FINDING = Target(
    name="finding",
    column="label",
    classes={"normal": ("normal",), "benign": ("benign",), "malignant": ("malignant",)},
    ordinal=True,
    positive=("malignant",),
    at_lesion=True,
)
ABNORMAL = Target(
    name="abnormal",
    column="label",
    classes={"normal": ("normal",), "abnormal": ("benign", "malignant")},
    ordinal=True,
    positive=("abnormal",),
    at_lesion=True,
)
TISSUE = Target(
    name="tissue",
    column="tissue",
    classes={"fatty": ("F",), "fatty-glandular": ("G",), "dense-glandular": ("D",)},
    ordinal=True,
)
CANCER = Target(
    name="cancer",
    column="label",
    classes={"no cancer": ("no cancer",), "cancer": ("cancer",)},
    ordinal=True,
    positive=("cancer",),
    at_lesion=True,
)
PATHOLOGY = Target(  # of pictures that all have a lesion
    name="pathology",
    column="label",
    classes={"benign": ("benign",), "malignant": ("malignant",)},
    ordinal=True,
    positive=("malignant",),
)
RECALL = Target(
    name="recall",
    column="assessment",
    classes={"BI-RADS 1-2": ("1", "2"), "BI-RADS 0": ("0",)},
    ordinal=True,
    positive=("BI-RADS 0",),  # called back for more pictures
    at_lesion=True,
)
MARKED = Target(
    name="marked",
    column="marked",
    classes={"unmarked": ("unmarked",), "marked": ("marked",)},
    ordinal=True,
    positive=("marked",),
    at_lesion=True,
)
CASE = Target(
    name="case",
    column="case",
    classes={"normal": ("normal",), "cancer": ("cancer",)},
    ordinal=True,
    positive=("cancer",),
    level="patient",
)
