"""Redis's returns: what was written beside the blobs while it was away is folded into the index once it is back.

An operation that loses Redis between its record and the index is told `IndexUnavailable`, though its record stands.
"""

import logging
import threading
from types import TracebackType
from typing import Any, Self

import redis

from registry.errors import IndexUnavailable
from registry.journal.index import availability
from registry.registry import Registry

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


class Reconnect:
    """A context manager: a thread that looks once a second whether Redis was away or is another process than before,
    and then reconciles. It begins with the Redis that is there at the start, which is the caller's to reconcile.
    """

    def __init__(self, registry: Registry, client: "redis.Redis", *, look_seconds: float = _LOOK_SECONDS) -> None:
        self._registry = registry
        self._redis: Any = client
        self._look_seconds = look_seconds
        self._known: str | None = None  # None: away when last looked at
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, name="returns", daemon=True)

    def __enter__(self) -> Self:
        self._known = self._present()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join()

    def _keep_looking(self) -> None:
        while not self._stopping.wait(self._look_seconds):
            try:
                self._look()
            except IndexUnavailable:
                continue  # it went again meanwhile
            except Exception:  # one unreadable record must not end all later looks
                logger.exception("the index could not be reconciled; trying again")

    def _look(self) -> None:
        present = self._present()
        if present is None and self._known is not None:
            logger.warning("Redis is away")
        if present is not None and present != self._known:
            logger.warning("Redis is back; %s records folded in", self._registry.reconcile())
        self._known = present  # after: what fails is tried again

    def _present(self) -> str | None:
        """Which run of Redis answers; None if none does."""
        try:
            with availability():
                return str(self._redis.info("server")["run_id"])
        except IndexUnavailable:
            return None
