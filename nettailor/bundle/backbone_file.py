"""The file of a backbone's weights as a registry keeps it: safetensors of exactly the canonical tensors (torch-free).

The same weights always give the same bytes, and so the same blob. Metadata: `format`, `architecture`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from nettailor.architecture.geometry import BlockGeometry, Geometry, geometry
from nettailor.bundle.safetensors_file import BundleLimits, FloatArray, parse, serialise
from nettailor.errors import BackboneUnknown, BackboneWeightsInvalid, BundleInvalid

FORMAT = "nettailor-backbone/1"
LIMITS = BundleLimits(size_bytes=256 << 20, header_bytes=1 << 20)  # the largest architecture has 94 MB of weights
_STATISTICS = ("weight", "bias", "running_mean", "running_var")
_SOURCE = "in the file"

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class BackboneFile:
    """What was read and checked."""

    architecture: str
    fingerprint: str
    tensors: Mapping[str, FloatArray]


def fingerprint_of(tensors: Mapping[str, FloatArray]) -> str:
    """Hex sha256 over canonical tensors: names sorted, fp32, contiguous, little-endian."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
        digest.update(np.ascontiguousarray(tensor, "<f4").data)
    return digest.hexdigest()


def encode_backbone(architecture: str, tensors: Mapping[str, FloatArray]) -> bytes:
    """The canonical file."""
    return serialise({"format": FORMAT, "architecture": architecture}, tensors)


def decode_backbone(data: bytes) -> BackboneFile:
    """Read a file, trusting nothing in it: all tensors of the architecture, no others, of its shapes, and finite.

    Raises `BackboneWeightsInvalid`.
    """
    try:
        found = parse(data, LIMITS)
    except BundleInvalid as fault:
        raise BackboneWeightsInvalid("of a registry", _SOURCE, f"{fault.where}: {fault.reason}") from fault
    architecture = found.metadata.get("architecture", "")
    if found.metadata.get("format") != FORMAT:
        raise BackboneWeightsInvalid(architecture, _SOURCE, f"not a {FORMAT}; `nettailor backbone add` makes one")
    try:
        wanted = tensor_shapes(geometry(architecture))
    except BackboneUnknown as fault:
        raise BackboneWeightsInvalid(architecture, _SOURCE, str(fault)) from fault
    for reason in _faults(found.tensors, wanted):
        raise BackboneWeightsInvalid(architecture, _SOURCE, reason)
    return BackboneFile(architecture=architecture, fingerprint=fingerprint_of(found.tensors), tensors=found.tensors)


def tensor_shapes(shapes: Geometry) -> dict[str, Shape]:
    """Name and shape of every canonical tensor of a backbone."""
    stem = (shapes.stem_channels, 3, shapes.stem_kernel, shapes.stem_kernel)
    wanted = {"stem.0.weight": stem} | _norm("stem.1", shapes.stem_channels)
    for index, block in enumerate(shapes.blocks):
        wanted |= {f"blocks.{index}.{name}": shape for name, shape in _block(block).items()}
    return wanted


def _block(block: BlockGeometry) -> dict[str, Shape]:
    wanted: dict[str, Shape] = {
        f"{name}.weight": (conv.channels_out, conv.channels_in, conv.kernel, conv.kernel)
        for name, conv in block.branch.items()
    }
    if block.projected:
        wanted["shortcut.0.weight"] = (block.channels_out, block.channels_in, 1, 1)
    for name, width in block.norms.items():
        wanted |= _norm(name, width)
    return wanted


def _norm(name: str, channels: int) -> dict[str, Shape]:
    return {f"{name}.{part}": (channels,) for part in _STATISTICS}


def _faults(found: Mapping[str, FloatArray], wanted: Mapping[str, Shape]) -> Iterator[str]:
    if surplus := sorted(found.keys() - wanted.keys()):
        yield f"{len(surplus)} tensors too many, first {surplus[0]}"
    if missing := sorted(wanted.keys() - found.keys()):
        yield f"lacks {len(missing)} tensors, first {missing[0]}"
    for name, tensor in sorted(found.items()):
        if tensor.shape != wanted[name]:
            yield f"{name} has shape {tensor.shape}, not {wanted[name]}"
        if not np.isfinite(tensor).all():
            yield f"{name} is not finite"
