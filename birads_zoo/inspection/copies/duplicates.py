"""Finds duplicates: the same pixels, or a copy that was compressed, resized, cropped or mirrored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from birads_zoo.inspection.copies.fingerprints import LOOKS, Detail, Fingerprint, Spectrum, bits

Sketches = NDArray[np.float32]
CopyKind = Literal["same pixels", "copy", "mirrored copy"]

_NEAR = 8  # of 63 bits: the most that differed in copies of the same picture
_BLOCK = 64  # pictures compared with all others at once; this bounds the memory
_PAIRS = 256  # pairs compared closely at once
_SKETCH = 128  # random projections of each of two parts of a picture's fine structure
_MARGIN = 5 / _SKETCH**0.5  # five standard errors, at most, of a correlation of sketches


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
    `LOOKS`). It is computed only where that of the sketches, which estimates it (Johnson and Lindenstrauss,
    Contemporary Mathematics 26, 1984), is at most `_MARGIN` too low: a copy is missed once in three million times.
    For n pictures n²/2 pairs of hashes are compared: bench/results/growth-cpu.json has the times.
    """
    if not prints:
        return ()
    first_with: dict[str, int] = {}
    pairs: dict[tuple[int, int], Pair] = {}
    for at, fingerprint in enumerate(prints):
        first = first_with.setdefault(fingerprint.digest, at)
        if first != at:
            pairs[first, at] = Pair(first=first, second=at, kind="same pixels", similarity=1.0)
    alone = np.array(sorted(first_with.values()), dtype=np.int64)
    for number, look in enumerate(LOOKS):
        spectra = np.array([prints[at].spectra[number] for at in alone], dtype=np.float32)
        details = [prints[at].details[number] for at in alone]
        sketches = _sketches(details)
        kinds: tuple[CopyKind, ...] = ("copy", "mirrored copy")
        for kind in kinds:
            others = sketches * np.repeat([1, -1 if kind == "mirrored copy" else 1], _SKETCH).astype(np.float32)
            for firsts, seconds in _candidates(spectra, sketches, others, look.alike - _MARGIN, kind):
                similarity = _similarity(
                    np.array([details[at] for at in firsts], dtype=np.float32),
                    np.array([details[at] for at in seconds], dtype=np.float32),
                    kind,
                )
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


def _candidates(
    spectra: Spectrum, sketches: Sketches, others: Sketches, enough: float, kind: CopyKind
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the positions of pairs (first < second) whose hashes nearly agree and whose sketches correlate `enough`."""
    hashes, other = _words(bits(spectra)), _words(bits(spectra, mirrored=kind == "mirrored copy"))
    for start in range(0, len(hashes), _BLOCK):
        differing = _count_bits(hashes[start : start + _BLOCK, None] ^ other[None, start:])
        firsts, seconds = np.divmod(np.flatnonzero(differing <= _NEAR), differing.shape[1])
        firsts, seconds = firsts[firsts < seconds] + start, seconds[firsts < seconds] + start
        for part in range(0, len(firsts), _BLOCK * _PAIRS):
            some, their = firsts[part : part + _BLOCK * _PAIRS], seconds[part : part + _BLOCK * _PAIRS]
            alike = np.einsum("md,md->m", sketches[some], others[their]) >= enough
            near, far = some[alike], their[alike]
            for few in range(0, len(near), _PAIRS):
                yield near[few : few + _PAIRS], far[few : few + _PAIRS]


def _words(hashes: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack hashes (n, 63) into words (n,)."""
    packed = np.packbits(hashes, axis=1)
    words: NDArray[np.uint64] = np.ascontiguousarray(packed).view(np.uint64)[:, 0]
    return words


def _count_bits(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return how many bits of each word are set."""
    if hasattr(np, "bitwise_count"):
        counted: NDArray[np.uint8] = np.bitwise_count(words)
        return counted
    in_part = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)  # NumPy 1.26
    counts: NDArray[np.uint8] = in_part[words.view(np.uint16)].reshape(*words.shape, 4).sum(axis=-1, dtype=np.uint8)
    return counts


def _sketches(details: Sequence[Detail]) -> Sketches:
    """Return the sketches (n, 2 · `_SKETCH`) of n pictures' fine structure: random projections of two parts of it.

    The two are what mirroring leaves as it is and what it turns into its negative, so that a mirrored picture's sketch
    is the same but for signs.
    """
    side, half = len(details[0]), len(details[0]) // 2
    directions = np.random.default_rng(0).normal(0, (2 * _SKETCH) ** -0.5, (side * half, _SKETCH)).astype(np.float32)
    sketches = np.empty((len(details), 2, _SKETCH), np.float32)
    for start in range(0, len(details), _PAIRS):
        some = np.array(details[start : start + _PAIRS], dtype=np.float32)
        left, right = some[:, :, :half], some[:, :, : half - 1 : -1]
        for number, part in enumerate((left + right, left - right)):
            sketches[start : start + _PAIRS, number] = part.reshape(len(some), -1) @ directions
    return sketches.reshape(len(details), -1)


def _similarity(first: NDArray[np.float32], second: NDArray[np.float32], kind: CopyKind) -> NDArray[np.float32]:
    """Return the correlation of the fine structures (m, s, s) of m pairs; `kind` says whether to mirror the second."""
    turned = second[:, :, ::-1] if kind == "mirrored copy" else second
    similarity: NDArray[np.float32] = np.einsum("mij,mij->m", first, turned)
    return similarity
