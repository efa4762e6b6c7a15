"""Who makes the request that is running: the name of its key, or what `X-Actor` says where nothing is locked."""

from contextvars import ContextVar

caller: ContextVar[str | None] = ContextVar("caller", default=None)
