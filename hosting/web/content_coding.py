"""Bodies that came compressed (`Content-Encoding`), undone in steps of bounded size."""

import zlib
from typing import Protocol

from hosting.errors import BodyUndecodable, CodingUnsupported

CODINGS = "gzip, deflate"  # that are undone, as `Accept-Encoding` tells a client
STEP_BYTES = 64 * 1024

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB_METHOD = 8  # low bits of a zlib stream's first byte; bare deflate is sent under the same name, without them


class Decoder(Protocol):
    def feed(self, data: bytes) -> None: ...

    def step(self) -> bytes:
        """At most `STEP_BYTES` more; empty when it needs to be fed. Raises `BodyUndecodable`."""

    def end(self) -> None:
        """Raises `BodyUndecodable` if there should have been more."""


def decoder(coding: str) -> Decoder | None:
    """What undoes a `Content-Encoding`; None if there is nothing to undo. Raises `CodingUnsupported`."""
    name = coding.strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "x-gzip"):
        return _Inflating("gzip", _GZIP)
    if name == "deflate":
        return _Inflating("deflate", None)
    raise CodingUnsupported(coding)


class _Inflating:
    """`wbits` as zlib takes it; None where the first byte decides."""

    def __init__(self, coding: str, wbits: int | None) -> None:
        self._coding = coding
        self._inflating = None if wbits is None else zlib.decompressobj(wbits)
        self._waiting = b""

    def feed(self, data: bytes) -> None:
        self._waiting += data

    def step(self) -> bytes:
        if not self._waiting and self._inflating is None:
            return b""
        if self._inflating is None:
            is_framed = self._waiting[0] & 0x0F == _ZLIB_METHOD
            self._inflating = zlib.decompressobj(zlib.MAX_WBITS if is_framed else -zlib.MAX_WBITS)
        try:
            piece = self._inflating.decompress(self._waiting, STEP_BYTES)
        except zlib.error as error:
            raise BodyUndecodable(self._coding, str(error)) from error
        self._waiting = self._inflating.unconsumed_tail
        if self._inflating.unused_data:
            raise BodyUndecodable(self._coding, "something follows its end")
        return piece

    def end(self) -> None:
        if self._inflating is None or not self._inflating.eof:
            raise BodyUndecodable(self._coding, "it ends too early")
