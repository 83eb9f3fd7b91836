import re
from pathlib import Path

import pytest

from birads_zoo.cli import main


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["phantom", *arguments])
    return int(stop.value.code or 0)


def test_it_makes_a_phantom_and_says_what_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "phantom"
    assert run("--patients", "6", "--size", "48x40", "--damaged", "2", "--out", str(out)) == 0
    lines = capsys.readouterr().out.splitlines()
    counts = {line.split(":")[0]: int(line.split()[2]) for line in lines if re.fullmatch(r".* \d+ pictures", line)}
    files = {f"BI-RADS {k}": len(list((out / "mammograms" / f"BIRAD {k}").iterdir())) for k in "1345"}
    assert sum(counts.values()) == 22  # 24 less the missing one and the empty one
    assert sum(files.values()) == 23  # the missing one only
    assert all(0 <= files[name] - counts[name] <= 1 for name in files)
    assert "BI-RADS 2: 8 rows without pictures" in lines
    assert "broken: 1 missing, 1 empty" in lines
    assert lines[-1] == f"6 patients in {out}"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--size", "big"), "--size 'big' is not a size: give height x width in pixels, such as 416x320"),
        (("--size", "8x8"), "the phantom's height cannot be 8 pixels: choose 32 to 4096"),
        (("--patients", "0"), "a phantom of 0 patients cannot hold every category: give at least 4 patients"),
        (("--patients", "many"), "'many' is not a valid integer"),
        (("--balance", "odd"), "'odd' is not one of 'balanced', 'real'"),
    ],
)
def test_invalid_values_are_one_sentence_and_leave_nothing(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments, "--out", str(tmp_path / "phantom")) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert shown.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_full_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "note.txt").write_text("mine")
    assert run("--out", str(tmp_path)) == 2
    assert f"birads-zoo: error: {tmp_path} exists already" in capsys.readouterr().err
