"""A document of weights beside the tensors that a network has: all of them and no others, or it is refused."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from nettailor.network.weights.likeness import likeness
from nettailor.network.weights.naming import torchvision_names
from nettailor.network.weights.refusal import Refusal
from nettailor.network.weights.wrapping import Unwrapped, unwrap, without_heads

logger = logging.getLogger(__name__)

_READ = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})


def own_tensors(document: Mapping[Any, Any], source: str, refuse: Refusal) -> Unwrapped:
    """The network's tensors by torchvision's names or this project's. Says in the log what else there was.

    Raises `BackboneWeightsInvalid`.
    """
    found = unwrap(document, refuse)
    tensors, heads = without_heads(torchvision_names(found.tensors))
    left_out = Counter(found.left_out) + heads
    if found.levels or left_out:
        beside = ", ".join(sorted(left_out)) or "nothing"
        logger.info("weights %s: taken from %s; left out: %s", source, ".".join(found.levels) or "the top", beside)
    return Unwrapped(tensors=tensors, levels=found.levels, left_out=left_out, unknown=found.unknown)


def fitted(found: Unwrapped, wanted: Mapping[str, Tensor], backbone: str, refuse: Refusal) -> dict[str, Tensor]:
    """Copies of the tensors in fp32, of exactly the names and shapes that are wanted.

    Raises `BackboneWeightsInvalid`.
    """
    given = found.tensors
    faults = list(_faults(given, wanted, found.unknown))
    if faults:
        kind = likeness(given)
        looks = f"looks like {kind}; " if kind is not None and kind != backbone else ""
        raise refuse(looks + "; ".join(faults))
    odd = [name for name in sorted(given) if not _is_plain(given[name])]
    if odd:
        raise refuse(f"{odd[0]} is {_form(given[odd[0]])}; save it as float32, float16 or bfloat16")
    bad = [name for name in sorted(given) if not _is_finite(given[name])]
    if bad:
        raise refuse(f"{bad[0]} is not finite")
    as_wanted: dict[str, Any] = {"dtype": torch.float32, "copy": True, "memory_format": torch.contiguous_format}
    return {name: tensor.detach().to(**as_wanted) for name, tensor in given.items()}


def _faults(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], unknown: Iterable[str]) -> Iterable[str]:
    surplus = sorted({*unknown, *(given.keys() - wanted.keys())})
    if surplus:
        yield f"{len(surplus)} tensors are not understood, first {surplus[0]}"
    missing = sorted(wanted.keys() - given.keys())
    if missing:
        yield f"lacks {len(missing)} tensors, first {missing[0]}"
    other = [name for name in sorted(given.keys() & wanted.keys()) if given[name].shape != wanted[name].shape]
    if other:
        shape, expected = tuple(given[other[0]].shape), tuple(wanted[other[0]].shape)
        yield f"size mismatch in {len(other)} tensors, first {other[0]}: {shape}, not {expected}"


def _is_plain(tensor: Tensor) -> bool:
    return tensor.dtype in _READ and tensor.layout == torch.strided and tensor.device.type == "cpu"


def _is_finite(tensor: Tensor) -> bool:
    """The sum tells in a tenth of the time; that of finite numbers may be infinite."""
    return bool(torch.isfinite(tensor.sum())) or bool(torch.isfinite(tensor).all())


def _form(tensor: Tensor) -> str:
    return f"{tensor.dtype} ({tensor.layout}) on {tensor.device}".replace("torch.", "")
