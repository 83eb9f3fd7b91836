"""Which mutants are tried, and by which tests."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from mutate import Mutant, is_change, mutants_of

ROOMS = ("artifact", "data", "evaluation", "explanation", "model", "shortcuts", "study", "training")
_A_FILE = 2  # mutants of it at most, so that a sample reaches most files
_A_KIND = 0.2  # of the sample at most
_ALSO = {  # what tests a room from the outside
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
    """Return the files that are mutated: the engine's rooms and all plugins."""
    folders = [*(root / "birads_zoo" / room for room in ROOMS), root / "plugins" / "birads_zoo_plugins"]
    return sorted(path.relative_to(root).as_posix() for folder in folders for path in folder.rglob("*.py"))


def sample(root: Path, files: Sequence[str], number: int) -> list[Mutant]:
    """Return a fixed sample: the mutants whose keys come first, of any file and of any kind no more than a share.

    A change of the code moves few of them in or out.
    """
    of_file, of_kind = Counter[str](), Counter[str]()
    chosen = []
    for mutant in sorted((one for file in files for one in mutants_of(root, file)), key=lambda one: one.key):
        full = of_file[mutant.file] == _A_FILE or of_kind[mutant.operator] >= max(_A_KIND * number, 1)
        if not full and is_change((root / mutant.file).read_bytes(), mutant):
            of_file[mutant.file] += 1
            of_kind[mutant.operator] += 1
            chosen.append(mutant)
        if len(chosen) == number:
            break
    return chosen


@cache
def _tests(root: Path) -> dict[str, str]:
    """Return the text of every file of tests, by its path."""
    paths = sorted((root / "tests").rglob("test_*.py"))
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def tests_for(root: Path, file: str) -> tuple[list[str], list[str]]:
    """Return the tests of a file: first its namesake's and those that import it, then its folder's and outer ones."""
    parts = Path(file).with_suffix("").parts
    *folders, name = parts[1:] if parts[0] == "birads_zoo" else ("plugins", *parts[2:])
    homes = [
        Path("tests", *folders[:depth]) for depth in range(len(folders), 0, -1)
    ]  # tests of a subfolder may lie above
    module, package = ".".join(parts), ".".join(parts[:-1])
    namesakes = [(home / f"test_{name.strip('_')}.py").as_posix() for home in homes]
    near = [path for path in namesakes if (root / path).exists()]
    for path, text in _tests(root).items():
        if f"{module} import" in text or f"from {package} import {parts[-1]}" in text:
            near.append(path)
    far: list[str] = []
    for other in (*(home.as_posix() for home in homes), *_ALSO[folders[0]]):
        paths = sorted((root / other).glob("test_*.py")) if (root / other).is_dir() else [root / other]
        far += [path.relative_to(root).as_posix() for path in paths if path.exists()]
    return list(dict.fromkeys(near)), [path for path in dict.fromkeys(far) if path not in near]
