"""`birads_zoo.phantom`: synthetic mammograms with known lesions."""

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

    The same arguments give the same files. `run(dataset="phantom", root=...)` reads them, and tells the best possible
    result beside the network's: categories overlap, as readers' do, and `truth/probabilities.csv` knows by how much.

    Args:
        out: the folder to make. Without it the pictures are kept in the cache, and made only if they are not there.
        patients: patients with four pictures each; as many again divided by three have rows and no pictures.
        seed: of everything random.
        size: height and width of the pictures in pixels.
        balance: "balanced", about as many pictures of each category, "real", as in KAUMDS, or "screening", as among
            screened women: 20 of 1000 have a BI-RADS 4 or 5.
        shortcut: what of the files follows the category: "none", "size" or "format"; "shuffled-size" and
            "shuffled-format" let it follow a category drawn for each patient.
        format: of the pictures: "jpeg", or "dicom" with 12 bits of 16 and the headers of digital mammograms.
        damaged: missing and broken pictures; by default 5, or one a patient if there are fewer.

    Raises:
        UserError: for values out of range, and for a folder that holds something or cannot be written.

    """
    options = phantom_options(
        patients=patients, seed=seed, size=size, balance=balance, shortcut=shortcut, format=format, damaged=damaged
    )
    from birads_zoo.phantoms.files.writer import generate, generate_once

    if out is None:
        from birads_zoo.data.cache import cache_root

        return generate_once(cache_root() / "phantom", options)
    generate(Path(out), options)
    return Path(out)
