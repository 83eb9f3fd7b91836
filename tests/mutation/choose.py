"""Chooses the mutants to try, and the tests to run on each."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path

from mutate import Mutant, is_change, mutants_of

FOLDERS = ("artifact", "data", "evaluation", "explanation", "model", "shortcuts", "study", "training")
_MOST_PER_FILE = 2  # mutants, so that a sample reaches most files
_MOST_PER_OPERATOR = 0.2  # share of the sample
_ALSO = {  # tests of a folder that are in other folders
    "artifact": ("tests/cli/test_export.py", "tests/cli/test_predict.py", "tests/serving/test_predict.py"),
    "data": ("tests/effects", "tests/inspection", "tests/cli/test_audit.py", "tests/cli/test_run.py"),
    "evaluation": ("tests/test_results.py", "tests/effects", "tests/cli/test_run.py"),
    "explanation": ("tests/effects", "tests/cli/test_explain.py"),
    "model": ("tests/effects", "tests/training", "tests/cli/test_frozen.py"),
    "shortcuts": ("tests/cli/test_audit.py", "tests/cli/test_run.py"),
    "study": ("tests/cli/test_studies.py",),
    "training": ("tests/effects", "tests/cli/test_frozen.py", "tests/cli/test_resume.py", "tests/cli/test_run.py"),
    "plugins": ("tests/conformance", "tests/effects"),
}


def files_of(root: Path) -> list[str]:
    """Return the files that are mutated: those of `FOLDERS` and all plugins."""
    folders = [*(root / "birads_zoo" / name for name in FOLDERS), root / "plugins" / "birads_zoo_plugins"]
    return sorted(path.relative_to(root).as_posix() for folder in folders for path in folder.rglob("*.py"))


def sample(root: Path, files: Sequence[str], number: int) -> list[Mutant]:
    """Return a fixed sample: the mutants whose keys come first, with limits for each file and each operator.

    If the code changes, most of the sample stays the same.
    """
    of_file, of_operator = Counter[str](), Counter[str]()
    chosen = []
    most_per_operator = max(_MOST_PER_OPERATOR * number, 1)
    mutants = (mutant for file in files for mutant in mutants_of(root, file))
    for mutant in sorted(mutants, key=attrgetter("key")):
        full = of_file[mutant.file] == _MOST_PER_FILE or of_operator[mutant.operator] >= most_per_operator
        if not full and is_change((root / mutant.file).read_bytes(), mutant):
            of_file[mutant.file] += 1
            of_operator[mutant.operator] += 1
            chosen.append(mutant)
        if len(chosen) == number:
            break
    return chosen


@cache
def _tests(root: Path) -> dict[str, str]:
    """Return the text of every file of tests, by its path."""
    paths = sorted((root / "tests").rglob("test_*.py"))
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def find_tests(root: Path, file: str) -> tuple[list[str], list[str]]:
    """Return the near tests of a file, of the same name or importing it, and the far tests of its folder and others."""
    parts = Path(file).with_suffix("").parts
    *folders, name = parts[1:] if parts[0] == "birads_zoo" else ("plugins", *parts[2:])
    # Tests of a subfolder may be in the folder above.
    test_folders = [Path("tests", *folders[:depth]) for depth in range(len(folders), 0, -1)]
    module, package = ".".join(parts), ".".join(parts[:-1])
    same_name = [(folder / f"test_{name.strip('_')}.py").as_posix() for folder in test_folders]
    near = [path for path in same_name if (root / path).exists()]
    for path, text in _tests(root).items():
        if f"{module} import" in text or f"from {package} import {parts[-1]}" in text:
            near.append(path)
    far: list[str] = []
    for other in (*(folder.as_posix() for folder in test_folders), *_ALSO.get(folders[0], ())):
        paths = sorted((root / other).glob("test_*.py")) if (root / other).is_dir() else [root / other]
        far += [path.relative_to(root).as_posix() for path in paths if path.exists()]
    return list(dict.fromkeys(near)), [path for path in dict.fromkeys(far) if path not in near]
