"""Who makes a call, as HTTP would tell it."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from server.grpc.passage import Headers

# Of a call's metadata, what HTTP knows as headers and means something by.
_AUTHORIZATION = "authorization"
_NAMES = frozenset({_AUTHORIZATION, "x-actor", "x-request-id", "traceparent"})


@dataclass(frozen=True, kw_only=True)
class Caller:
    authorization: str
    headers: Headers
    address: tuple[str, int] | None


def caller_of(metadata: Iterable[tuple[str, str | bytes]], peer: str) -> Caller:
    """`peer` is gRPC's word for an address: `ipv4:127.0.0.1:50432`, `ipv6:%5B::1%5D:50432`, `unix:`."""
    given = {name: value for name, value in metadata if name in _NAMES and isinstance(value, str)}
    return Caller(
        authorization=given.get(_AUTHORIZATION, ""),
        headers=[(name.encode(), value.encode("latin-1", "replace")) for name, value in given.items()],
        address=_address(peer),
    )


def _address(peer: str) -> tuple[str, int] | None:
    kind, _, place = unquote(peer).partition(":")
    host, _, port = place.rpartition(":")
    if kind not in ("ipv4", "ipv6") or not port.isdecimal():
        return None
    return host.strip("[]"), int(port)
