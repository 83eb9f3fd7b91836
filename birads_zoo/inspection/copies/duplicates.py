"""Finds duplicates: the same pixels, or a copy that was compressed, resized, cropped or mirrored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from birads_zoo.inspection.copies.fingerprints import LOOKS, Fingerprint, Spectrum, bits

CopyKind = Literal["same pixels", "copy", "mirrored copy"]

_NEAR = 8  # of 63 bits: the most that differed in copies of the same picture
_BLOCK = 256  # pictures compared with all others, and pairs compared closely, at once; this bounds the memory


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two pictures, by position, that are the same; `similarity` (0 … 1) is that of their fine structure."""

    first: int
    second: int
    kind: CopyKind
    similarity: float


def find_duplicates(prints: Sequence[Fingerprint]) -> tuple[Pair, ...]:
    """Return the pairs of pictures that are copies of each other, in the order of their positions.

    Each picture with the same pixels as an earlier one is paired with the first of them; only that first one is
    compared further. The perceptual hash selects the pairs that may be copies (at most 8 of 63 bits differ). The hash
    alone would match one in a hundred pairs of different breasts, so the correlation of the fine structure decides (see
    `LOOKS`). For n pictures n²/2 pairs are compared: 2200 pictures take about 5 s.
    """
    first_with: dict[str, int] = {}
    pairs: dict[tuple[int, int], Pair] = {}
    for at, fingerprint in enumerate(prints):
        first = first_with.setdefault(fingerprint.digest, at)
        if first != at:
            pairs[first, at] = Pair(first=first, second=at, kind="same pixels", similarity=1.0)
    alone = np.array(sorted(first_with.values()), dtype=np.int64)
    for number, look in enumerate(LOOKS):
        spectra = np.array([prints[at].spectra[number] for at in alone], dtype=np.float32)
        details = np.array([prints[at].details[number] for at in alone], dtype=np.float32)
        kinds: tuple[CopyKind, ...] = ("copy", "mirrored copy")
        for kind in kinds:
            for firsts, seconds in _candidates(spectra, kind):
                similarity = _similarity(details[firsts], details[seconds], kind)
                for place in np.flatnonzero(similarity >= look.alike):
                    pair = Pair(
                        first=int(alone[firsts[place]]),
                        second=int(alone[seconds[place]]),
                        kind=kind,
                        similarity=min(float(similarity[place]), 1.0),
                    )
                    known = pairs.get((pair.first, pair.second))
                    if known is None or known.similarity < pair.similarity:
                        pairs[pair.first, pair.second] = pair
    return tuple(pairs[key] for key in sorted(pairs))


def _candidates(spectra: Spectrum, kind: CopyKind) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the positions of pairs (first < second) whose hashes nearly agree, block by block."""
    if len(spectra) < 2:
        return
    hashes = np.where(bits(spectra), 1, -1).astype(np.float32)
    others = np.where(bits(spectra, mirrored=kind == "mirrored copy"), 1, -1).astype(np.float32)
    enough = hashes.shape[1] - 2 * _NEAR  # agreeing bits minus differing bits
    for start in range(0, len(hashes), _BLOCK):
        agreement = hashes[start : start + _BLOCK] @ others[start:].T
        firsts, seconds = np.nonzero(np.triu(agreement >= enough, k=1))
        for part in range(0, len(firsts), _BLOCK):
            yield firsts[part : part + _BLOCK] + start, seconds[part : part + _BLOCK] + start


def _similarity(first: NDArray[np.float32], second: NDArray[np.float32], kind: CopyKind) -> NDArray[np.float32]:
    """Return the correlation of the fine structures (m, s, s) of m pairs; `kind` says whether to mirror the second."""
    turned = second[:, :, ::-1] if kind == "mirrored copy" else second
    similarity: NDArray[np.float32] = np.einsum("mij,mij->m", first, turned)
    return similarity
