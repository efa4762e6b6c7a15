"""Reconnecting to Redis: records written while it was away are folded into the index once it is back.

An operation that loses Redis between its record and the index raises `IndexUnavailable`, though its record stands.
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

_POLL_SECONDS = 1.0


class Reconnect:
    """A context manager: a thread checks once a second whether Redis was away or is another process than before, and
    then reconciles. Before entering it, the caller reconciles with the Redis that is there.
    """

    def __init__(self, registry: Registry, client: "redis.Redis", *, poll_seconds: float = _POLL_SECONDS) -> None:
        self._registry = registry
        self._redis: Any = client
        self._poll_seconds = poll_seconds
        self._known: str | None = None  # the run of Redis that was there at the last check; None: it was away
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reconnect", daemon=True)

    def __enter__(self) -> Self:
        self._known = self._present()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            try:
                self._check()
            except IndexUnavailable:
                continue  # it went again meanwhile
            except Exception:  # one unreadable record must not end all later checks
                logger.exception("the index could not be reconciled; trying again")

    def _check(self) -> None:
        present = self._present()
        if present is None and self._known is not None:
            logger.warning("Redis is away")
        if present is not None and present != self._known:
            logger.warning("Redis is back; %s records folded in", self._registry.reconcile())
        self._known = present  # only now, so that what failed is tried again

    def _present(self) -> str | None:
        """The id of the run of Redis that answers; None if it is away."""
        try:
            with availability():
                return str(self._redis.info("server")["run_id"])
        except IndexUnavailable:
            return None
