"""Who makes the request that is running, and what its key is good for."""

from contextvars import ContextVar

from hosting.access.keys import Key, Scope
from hosting.errors import ScopeMissing

# The name of its key, or what `X-Actor` says where nothing is locked.
caller: ContextVar[str | None] = ContextVar("caller", default=None)

key: ContextVar[Key | None] = ContextVar("key", default=None)  # None where nothing is locked


def require(scope: Scope) -> None:
    """For what a route does only if the request asks for it: its key needs this scope beside the route's own.

    Raises `ScopeMissing`. Where nothing is locked, everybody may.
    """
    held = key.get()
    if held is not None and not held.may(scope):
        raise ScopeMissing(held.name, scope)
