"""Errors over the link: by name, text and plain members, and only those that a request may be answered with
(torch-free)."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from registry.errors import RegistryError
from server.errors import ServerError

_PLAIN = (str, int, float, bool, type(None))


class EngineFault(Exception):
    """The engine's process failed in a way that is nobody's but its own; its log has the traceback."""


def told(failure: Exception) -> dict[str, Any]:
    """The document of a failure; without a name where clients are told nothing of it."""
    name = type(failure).__name__
    if _by_name().get(name) is not type(failure):
        return {"error": "", "text": name, "members": {}}
    members = {key: value for key, value in vars(failure).items() if _is_plain(value)}
    return {"error": name, "text": str(failure), "members": members}


def failure_of(document: Mapping[str, Any]) -> Exception:
    """The failure that a document tells of: of the same kind, with the same text and members."""
    kind = _by_name().get(document["error"])
    if kind is None:
        return EngineFault(document["text"])
    failure = kind.__new__(kind)
    failure.args = (document["text"],)
    vars(failure).update(document["members"])
    return failure


@cache
def _by_name() -> Mapping[str, type[Exception]]:
    return {kind.__name__: kind for root in (RegistryError, ServerError) for kind in _below(root)}


def _below(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for kind in root.__subclasses__():
        yield from _below(kind)


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(isinstance(part, _PLAIN) for part in value)
    return isinstance(value, _PLAIN)
