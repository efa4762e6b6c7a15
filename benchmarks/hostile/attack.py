"""One request that nobody means well by, as bytes for the wire."""

from collections.abc import Sequence
from dataclasses import dataclass

Header = tuple[bytes, bytes]

_CRLF = b"\r\n"


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What is sent. `length` is what `Content-Length` says, None for none at all."""

    number: int  # in the run: with the seed it says everything
    kind: str  # what was done to an ordinary request, for people
    method: bytes
    target: bytes
    headers: Sequence[Header]
    body: bytes
    length: int | None
    version: bytes = b"HTTP/1.1"

    @property
    def is_short(self) -> bool:
        """Whether more is announced than comes."""
        return self.length is not None and self.length > len(self.body)

    def head(self) -> bytes:
        lines = [b" ".join((self.method, self.target, self.version))]
        lines += [name + b": " + value for name, value in self.headers]
        if self.length is not None:
            lines.append(b"Content-Length: %d" % self.length)
        return _CRLF.join([*lines, b"", b""])

    def __str__(self) -> str:
        return f"{self.number} ({self.kind}): {self.method!r} {self.target[:120]!r}, body of {len(self.body)} bytes"
