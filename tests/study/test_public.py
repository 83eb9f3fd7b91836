"""Files written for others contain no path of this machine."""

import pytest

from birads_zoo.study.redaction import public_command, public_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("birads-zoo compare --root /home/ann/KAUMDS --seeds 3", "birads-zoo compare --root KAUMDS --seeds 3"),
        ("birads-zoo compare --root='/home/ann/my data'", "birads-zoo compare '--root=my data'"),
        ("birads-zoo ablate --set dataset.root=/d/pgm/ --out ../x", "birads-zoo ablate --set dataset.root=pgm --out x"),
        ("birads-zoo compare --weights ~/weights/imagenet", "birads-zoo compare --weights imagenet"),
        (r"birads-zoo compare --root 'C:\Users\ann\pgm'", "birads-zoo compare --root pgm"),
    ],
)  # fmt: skip
def test_paths_that_lead_out_of_the_working_directory_are_shortened_to_their_last_part(text, expected):
    assert public_command(text) == expected


@pytest.mark.parametrize("part", ["studies/bench", "./net.py", r"'(P\d+)_'", "a=1/2", "crop=false", "128x96"])
def test_paths_inside_the_working_directory_stay(part):
    assert public_command(f"birads-zoo compare --out {part}") == f"birads-zoo compare --out {part}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seed 0: no weights in /home/ann/w/resnet50.pth; do", "seed 0: no weights in resnet50.pth; do"),
        ("cannot read '/mnt/a/b.png': no such file", "cannot read 'b.png': no such file"),
        (r"cannot read C:\Users\ann\b.png", "cannot read b.png"),
        ("~ann/w/x.pt is damaged", "x.pt is damaged"),
        *((kept, kept) for kept in ("45 images/s at 64×48", "1/2 of birads_zoo/pipeline.py", "https://doi.org/10.1")),
    ],
)  # fmt: skip
def test_a_sentence_keeps_its_words_without_the_folders(text, expected):
    assert public_text(text) == expected
