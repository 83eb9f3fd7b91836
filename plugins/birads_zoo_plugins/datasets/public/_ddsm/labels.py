"""The meaning of DDSM's labels, in both layouts."""

OWN = ("case", "marked", "lesion_types", "subtlety")
"""The index's columns that only DDSM has."""

FINDINGS = {"MALIGNANT": "malignant", "BENIGN": "benign", "BENIGN_WITHOUT_CALLBACK": "benign"}  # UNPROVEN is neither
CASES = {"cancers": "cancer", "benigns": "benign", "benign_without_callbacks": "benign", "normals": "normal"}
MARKS = {"0": "unmarked", "1": "marked"}
