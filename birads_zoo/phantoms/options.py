"""Defines the options of a phantom. Imports no heavy library, so that the command line can check them early."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Literal

from birads_zoo.errors import UserError

VERSION = 3
"""Raise this whenever the same options give other files than before."""

FEWEST_PATIENTS = 4
SMALLEST_SIDE = 32
LARGEST_SIDE = 4096
MOST_PATIENTS = 100_000  # more than that are planned in gigabytes of memory, and take days to draw

Balance = Literal["balanced", "real", "screening"]
Format = Literal["jpeg", "dicom"]
Shortcut = Literal["none", "size", "format", "shuffled-size", "shuffled-format"]


@dataclass(frozen=True, kw_only=True)
class PhantomOptions:
    """The number of patients, the seed, the pictures' size, and what is planted in the files.

    - `patients`: the patients with pictures (two breasts, CC and MLO). A third as many patients have only rows, with
      BI-RADS 2.
    - `balance`: "balanced" (about equally many pictures of each category), "real" (patients per category as in KAUMDS)
      or "screening" (as among screened women, see `cohort`).
    - `format`: "jpeg" (8 bits) or "dicom" (12 bits stored).
    - `shortcut`: what in the files reveals the category: with "size" their frames, as in KAUMDS; with "format" their
      colour mode and JPEG quality, which DICOM files do not have. With a "shuffled-" shortcut each woman's files look
      like those of a random category: formats differ as much, but reveal nothing.
    - `damaged`: how many pictures, of the commonest category, are missing or broken.

    Raises `UserError` for impossible values.
    """

    patients: int = 100
    seed: int = 0
    height: int = 416
    width: int = 320
    balance: Balance = "balanced"
    shortcut: Shortcut = "none"
    format: Format = "jpeg"
    damaged: int = 5

    def __post_init__(self) -> None:
        if self.patients < FEWEST_PATIENTS:
            raise UserError(
                f"a phantom of {self.patients} patients cannot hold every category: "
                f"give at least {FEWEST_PATIENTS} patients"
            )
        if self.patients > MOST_PATIENTS:
            raise UserError(
                f"a phantom of {self.patients} patients is too large: give at most {MOST_PATIENTS} patients"
            )
        for name, side in (("height", self.height), ("width", self.width)):
            if not SMALLEST_SIDE <= side <= LARGEST_SIDE:
                raise UserError(
                    f"the phantom's {name} cannot be {side} pixels: choose {SMALLEST_SIDE} to {LARGEST_SIDE}"
                )
        for ratio, shape in ((self.width / self.height, "wide"), (self.height / self.width, "high")):
            if ratio > 2.5:
                raise UserError(
                    f"a breast does not fit {self.height}x{self.width}, which is too {shape}: "
                    "keep the sides within a factor of 2.5"
                )
        if self.format == "dicom" and self.shortcut.endswith("format"):
            raise UserError(f"shortcut {self.shortcut!r} plants colour modes and JPEG qualities: DICOM files have none")
        if not 0 <= self.damaged <= self.patients:
            raise UserError(
                f"{self.damaged} pictures of a phantom cannot be damaged: choose 0 to {self.patients}, one a patient"
            )

    @property
    def digest(self) -> str:
        """A hash of these options and the generator's version, 16 hexadecimal digits."""
        values = sorted({**asdict(self), "version": VERSION}.items())
        return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


DEFAULTS = PhantomOptions()


def phantom_options(
    *,
    patients: int = DEFAULTS.patients,
    seed: int = DEFAULTS.seed,
    size: tuple[int, int] = (DEFAULTS.height, DEFAULTS.width),
    balance: Balance = DEFAULTS.balance,
    shortcut: Shortcut = DEFAULTS.shortcut,
    format: Format = DEFAULTS.format,
    damaged: int | None = None,
) -> PhantomOptions:
    """Return the options, with `size` as height and width. `damaged` is by default at most one per patient."""
    try:
        height, width = size
    except (TypeError, ValueError):
        raise UserError(f"size={size!r}: give height and width in pixels, such as (416, 320)") from None
    return PhantomOptions(
        patients=patients,
        seed=seed,
        height=height,
        width=width,
        balance=balance,
        shortcut=shortcut,
        format=format,
        damaged=min(DEFAULTS.damaged, max(patients, 0)) if damaged is None else damaged,
    )
