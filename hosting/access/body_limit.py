"""How long the body of a request may be, as its route declares it."""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class BodyLimit:
    """`max_bytes` is None where a setting decides: the handler then stops reading by itself. `held_bytes` is how much
    of a body is in memory at a time, where a handler streams it to a file; None where all of it is."""

    max_bytes: int | None
    held_bytes: int | None = None


NO_BODY = BodyLimit(max_bytes=0)
JSON_BODY = BodyLimit(max_bytes=MIB // 2)  # parsed on the event loop, in a tenth of a second at the most
BODY_OF_SETTINGS = BodyLimit(max_bytes=None)
STREAMED_BODY = BodyLimit(max_bytes=None, held_bytes=2 * MIB)  # what waits to be written, and what comes meanwhile

_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


def usual_limit(method: str) -> BodyLimit:
    """Of a route that declares no other limit."""
    return NO_BODY if method in _WITHOUT_BODY else JSON_BODY
