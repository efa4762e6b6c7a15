"""A file of weights, read without executing anything that it holds."""

import re
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError  # what a weights_only load of foreign bytes raises; nothing is unpickled
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from nettailor.network.weights.refusal import Refusal

_TORCH_STARTS = (b"PK\x03\x04", b"\x80")  # a zip as torch.save writes it, and a bare pickle as it wrote it before 1.6
_UNREADABLE = (OSError, RuntimeError, UnpicklingError, EOFError, ValueError, LookupError, TypeError, AttributeError)
_FORBIDDEN = re.compile(r"GLOBAL ([\w.]+)")


def read_document(path: Path, refuse: Refusal) -> Mapping[Any, Any]:
    """What the file holds: a state dict, or a dict around one. Raises `BackboneWeightsInvalid`.

    What the file is is told from its first bytes: people name both formats `.bin`, `.pt`, `.ckpt`.
    """
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as failure:
        raise refuse(str(failure)) from failure
    is_torch = (
        start.startswith(_TORCH_STARTS) and start[8:] != b"{"
    )  # after its length, a header of safetensors is JSON
    document = _read_torch(path, refuse) if is_torch else _read_safetensors(path, refuse)
    if not isinstance(document, Mapping):
        raise refuse(f"holds a {type(document).__name__}, not a dict of tensors; save `model.state_dict()`")
    return document


def _read_safetensors(path: Path, refuse: Refusal) -> Mapping[Any, Any]:
    try:
        tensors: Mapping[Any, Any] = load_file(path)
    except (OSError, SafetensorError) as failure:
        raise refuse(f"is neither safetensors nor of torch.save: {failure}") from failure
    return tensors


def _read_torch(path: Path, refuse: Refusal) -> Any:
    """Training scripts store their arguments as a Namespace, which is nothing but attributes; no other class may be.

    torch is given the open file: by the name it would take some for safetensors.
    """
    try:
        with torch.serialization.safe_globals([Namespace]), path.open("rb") as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    except _UNREADABLE as failure:
        raise refuse(_why_unreadable(failure)) from failure


def _why_unreadable(failure: Exception) -> str:
    """torch's own words advise to unpickle the file with `weights_only=False`, which runs whatever it says."""
    text = str(failure)
    if not isinstance(failure, UnpicklingError) and "weights_only" not in text:
        return f"cannot be read, it may be cut short: {text or type(failure).__name__}"
    found = _FORBIDDEN.search(text)
    what = f" ({found[1]})" if found else ""
    return f"holds more than weights{what}, which would have to be unpickled; save `model.state_dict()` and give that"
