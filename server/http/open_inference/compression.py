"""Answers packed as a client asks for it (`Accept-Encoding`): gzip, or deflate in zlib's frame (torch-free)."""

import zlib

_WBITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_LEVEL = 1  # the next ones take twice the time for a tenth less
_LEAST_BYTES = 200  # what is shorter gets hardly any shorter


def coding_for(accepted: str, size_bytes: int) -> str | None:
    """How an answer of so many bytes is packed for a client that accepts this; None: not at all."""
    if not accepted or size_bytes < _LEAST_BYTES:
        return None
    for entry in accepted.lower().split(","):
        name, _, weight = (part.strip() for part in entry.partition(";"))
        if name in _WBITS and weight.replace(" ", "").rstrip("0.") != "q=":
            return name
    return None


def packed(data: bytes, coding: str) -> bytes:
    packer = zlib.compressobj(_LEVEL, wbits=_WBITS[coding])
    return packer.compress(data) + packer.flush()
