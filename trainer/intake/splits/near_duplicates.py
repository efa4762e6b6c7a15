"""Pictures that are nearly the same: frames of one shot, bursts, copies that were scaled, compressed, lit or mirrored.

Every picture is reduced to a grey thumbnail. Two are near-duplicates if their thumbnails correlate by more than 0.98,
as they are or with one of them mirrored (docs/log.md has what that finds in real image sets). Pairs are not tried
one by one: 112 bits of a thumbnail say where it gets brighter from one cell of a coarse grid to the next (a difference
hash), and only pictures of which some 16 of these bits are equal are compared.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 16  # of a thumbnail, in pixels
_GRID = 8  # cells a side that the hash compares
_BANDS, _BITS = 7, 16  # 2 * 8 * 7 bits
_CORRELATION = 0.98
_FLAT = 3.0  # grey levels: the deviation within a thumbnail below which it shows too little to be compared
_STEP = 0.05  # deviations by which a cell must be brighter than the one before: noise on plain ground is no step
_BUCKET = 32  # pictures of equal bits that a new one is compared with; where there are more, those seen last


def thumbnail(pixels: Image.Image) -> bytes:
    """``SIDE`` x ``SIDE`` grey levels of an RGB image."""
    return pixels.resize((SIDE, SIDE), Image.Resampling.BOX).convert("L").tobytes()


def near_duplicates(thumbnails: Mapping[str, bytes], known: Iterable[Collection[str]] = ()) -> list[list[str]]:
    """The names of the thumbnails in groups: each name is in one group with all that it is near, and with those that
    are ``known`` to belong to it. Names without another are in none.

    Time grows with the number of thumbnails, not with its square; a few pairs may be missed for that.
    """
    names = sorted(thumbnails)
    if not names:
        return []
    levels = np.frombuffer(b"".join(thumbnails[name] for name in names), np.uint8).reshape(-1, SIDE, SIDE)
    groups = _Groups(len(names))
    indices = {name: index for index, name in enumerate(names)}
    told = ((indices[one], indices[other]) for group in known for one, other in pairwise(group))
    for first, second in chain(_near_pairs(levels), told):
        groups.join(first, second)
    return [[names[index] for index in group] for group in groups.larger_than_one()]


def _near_pairs(levels: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Pairs of indices into thumbnails (N, SIDE, SIDE)."""
    units, deviations = _unit_vectors(levels)
    keys, mirrored = _keys(levels), _keys(levels[:, :, ::-1])
    buckets: dict[tuple[int, int], deque[int]] = defaultdict(lambda: deque(maxlen=_BUCKET))
    for index in np.flatnonzero(deviations > _FLAT).tolist():
        own = [(band, key) for band, key in enumerate(keys[index].tolist()) if key]
        other = [(band, key) for band, key in enumerate(mirrored[index].tolist()) if key]
        found = sorted({near for key in (*own, *other) if key in buckets for near in buckets[key]})
        unit = units[index].reshape(SIDE, SIDE)
        both = np.stack([unit.ravel(), unit[:, ::-1].ravel()], axis=1)
        for near in np.asarray(found, np.intp)[(units[found] @ both > _CORRELATION).any(axis=1)].tolist():
            yield near, index
        for key in own:
            buckets[key].append(index)


def _unit_vectors(levels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(N, SIDE * SIDE) of mean 0 and length 1, whose products are correlations; (N,) deviations in grey levels."""
    flat = levels.reshape(len(levels), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    deviations = flat.std(axis=1)
    flat /= np.maximum(deviations, 1e-6)[:, None] * SIDE
    return flat, deviations


def _keys(levels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """(N, bands): bits of the hash, those of one band from all over the picture. A band of plain ground is 0."""
    step = SIDE // _GRID
    cells = levels.reshape(-1, _GRID, step, _GRID, step).mean(axis=(2, 4), dtype=np.float32)
    least = _STEP * levels.std(axis=(1, 2), dtype=np.float32)[:, None, None]
    across, down = np.diff(cells, axis=2) > least, np.diff(cells, axis=1) > least
    bits = np.concatenate([across.reshape(len(levels), -1), down.reshape(len(levels), -1)], axis=1)
    bands = bits.reshape(len(levels), _BITS, _BANDS).swapaxes(1, 2)
    return np.ascontiguousarray(np.packbits(bands, axis=2)).view(np.uint16)[:, :, 0]


class _Groups:
    """Disjoint sets of numbers."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self._root(one), self._root(other)))
        self._parents[second] = first

    def larger_than_one(self) -> list[list[int]]:
        groups: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self._parents)):
            groups[self._root(number)].append(number)
        return [group for group in groups.values() if len(group) > 1]

    def _root(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number
