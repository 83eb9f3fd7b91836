"""`birads_zoo.phantom`: makes synthetic mammograms with known lesions."""

from __future__ import annotations

from pathlib import Path

from birads_zoo.phantoms.options import DEFAULTS, Balance, Format, Shortcut, phantom_options


def phantom(
    out: Path | str | None = None,
    *,
    patients: int = DEFAULTS.patients,
    seed: int = DEFAULTS.seed,
    size: tuple[int, int] = (DEFAULTS.height, DEFAULTS.width),
    balance: Balance = DEFAULTS.balance,
    shortcut: Shortcut = DEFAULTS.shortcut,
    format: Format = DEFAULTS.format,
    damaged: int | None = None,
) -> Path:
    """Make synthetic mammograms in KAUMDS' layout, with the true lesions in `truth/`, and return their folder.

    The same arguments give the same files. `run(dataset="phantom", root=...)` reads them, and reports the best possible
    result beside the network's. A perfect score is not possible, because categories overlap, as those of readers do;
    `truth/probabilities.csv` has each picture's probabilities.

    Args:
        out: the folder to make. Without it the pictures are kept in the cache, and made only if they are not there.
        patients: the number of patients with four pictures each; a third as many more have rows but no pictures.
        seed: the seed of everything random.
        size: height and width of the pictures in pixels.
        balance: "balanced" (about equally many pictures of each category), "real" (as in KAUMDS) or "screening" (as
            among screened women: 20 of 1000 have a BI-RADS 4 or 5).
        shortcut: the property of the files that follows the category: "none", "size" or "format". With "shuffled-size"
            and "shuffled-format" it follows a category that is drawn at random for each patient.
        format: the files' format: "jpeg", or "dicom" with 12 of 16 bits and the headers of digital mammograms.
        damaged: the number of missing and broken pictures; by default 5, but at most one per patient.

    Raises:
        UserError: for values out of range, and for a folder that is not empty or cannot be written.

    """
    options = phantom_options(
        patients=patients, seed=seed, size=size, balance=balance, shortcut=shortcut, format=format, damaged=damaged
    )
    from birads_zoo.phantoms.files.writer import generate, generate_once

    if out is None:
        from birads_zoo.data.cache_folder import cache_root

        return generate_once(cache_root() / "phantom", options)
    generate(Path(out), options)
    return Path(out)
