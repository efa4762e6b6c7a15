"""A bundle folded for this server's backbone, in one stretch of memory: what the host tier keeps and the disk tier
writes, so that a switch copies bytes and computes nothing (torch-free).

As bytes: the length of the header (8, little-endian), the header (JSON: `manifest`, `arrays` as [name, shape] in the
order of the data), zeros up to a multiple of `_ALIGNMENT`, then the arrays as float32, each on such a multiple.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from nettailor.bundle.bundle import Bundle, manifest_json, parse_manifest
from nettailor.bundle.manifest import Manifest
from server.engine.folding import FloatArray, Folded, Norm, fold
from server.engine.int8.folding import fold_int8
from server.engine.whole.folding import fold_network
from server.engine.whole.mask_folding import fold_masks
from server.engine.whole.packed_folding import fold_packed
from server.residency.tiers import Bytes

_ALIGNMENT = 64  # bytes: every array starts on a cache line
_FLOAT_BYTES = 4
_LENGTH_BYTES = 8

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldedBundle:
    manifest: Manifest
    shapes: Mapping[str, Shape]  # of the arrays of `server.engine.folding`, in the order of the data
    flat: FloatArray

    @property
    def size_bytes(self) -> int:
        return self.flat.nbytes

    @property
    def is_int8(self) -> bool:
        """Whether its arrays are those of `server.engine.int8.folding`."""
        return "0.ranges" in self.shapes

    def spans(self) -> Iterator[tuple[str, Shape, slice]]:
        """Name, shape and place within `flat` of every array."""
        start = 0
        for name, shape in self.shapes.items():
            count = math.prod(shape)
            yield name, shape, slice(start, start + count)
            start += _padded(count)

    def arrays(self) -> dict[str, FloatArray]:
        """Views of `flat` by name."""
        return {name: self.flat[span].reshape(shape) for name, shape, span in self.spans()}


def fold_bundle(bundle: Bundle, norms: Mapping[int, Mapping[str, Norm]], *, int8: bool = False) -> FoldedBundle:
    """`norms` are the shared blocks', by node and name; `int8` is for bundles with activation ranges."""
    arrays = fold_int8(bundle, norms) if int8 else _arrays(bundle, norms)
    shapes = {name: array.shape for name, array in arrays.items()}
    folded = FoldedBundle(manifest=bundle.manifest, shapes=shapes, flat=np.zeros(_floats(shapes), np.float32))
    for name, out in folded.arrays().items():
        arrays[name].write(out)
    return folded


def _arrays(bundle: Bundle, norms: Mapping[int, Mapping[str, Norm]]) -> dict[str, Folded]:
    if bundle.manifest.is_whole:
        return fold_network(bundle)
    if bundle.manifest.is_packed:
        return fold_packed(bundle, norms)
    return fold_masks(bundle, norms) if bundle.manifest.is_masked else fold(bundle, norms)


def to_bytes(folded: FoldedBundle) -> Bytes:
    header = json.dumps({"manifest": manifest_json(folded.manifest), "arrays": list(folded.shapes.items())}).encode()
    start = _data_start(len(header))
    data = np.zeros(start + folded.flat.nbytes, np.uint8)
    data[:_LENGTH_BYTES] = np.frombuffer(len(header).to_bytes(_LENGTH_BYTES, "little"), np.uint8)
    data[_LENGTH_BYTES : _LENGTH_BYTES + len(header)] = np.frombuffer(header, np.uint8)
    data[start:] = folded.flat.view(np.uint8)
    return data


def from_bytes(data: Bytes) -> FoldedBundle:
    """Without a copy. The bytes are `to_bytes`' own, verified by the disk tier, so only their form is read."""
    length = int.from_bytes(data[:_LENGTH_BYTES].tobytes(), "little")
    header = json.loads(data[_LENGTH_BYTES : _LENGTH_BYTES + length].tobytes())
    return FoldedBundle(
        manifest=parse_manifest(header["manifest"]),
        shapes={name: tuple(shape) for name, shape in header["arrays"]},
        flat=data[_data_start(length) :].view(np.float32),
    )


def _data_start(header_bytes: int) -> int:
    return -(-(_LENGTH_BYTES + header_bytes) // _ALIGNMENT) * _ALIGNMENT


def _floats(shapes: Mapping[str, Shape]) -> int:
    """That arrays take together."""
    return sum(_padded(math.prod(shape)) for shape in shapes.values())


def _padded(count: int) -> int:
    floats = _ALIGNMENT // _FLOAT_BYTES
    return -(-count // floats) * floats
