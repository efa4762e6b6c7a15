"""Following the registry: a thread that keeps the routing true, and goes on with what is known while Redis is away."""

import logging
import threading
import time
from typing import Any

from registry.errors import IndexUnavailable, RecordCorrupt, TaskUnknown, VersionUnknown
from registry.journal.changes import Change
from registry.registry import Registry
from server.prediction.routing import Routing

logger = logging.getLogger(__name__)

_BLOCK_MS = 500  # how long one wait for changes takes; also how long stopping may take
_PAUSE_S = 0.5  # before the registry is asked again after a failure


class Follower:
    """Reads the registry once, then its stream of changes; reads everything again every `reconcile_s` and after the
    registry was away."""

    def __init__(self, registry: Registry, routing: "Routing[Any, Any]", *, reconcile_s: float) -> None:
        self._registry = registry
        self._routing = routing
        self._reconcile_s = reconcile_s
        self._cursor: str | None = None
        self._reconcile_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="follower", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _loop(self) -> None:
        away = False
        while not self._stopping.is_set():
            try:
                self._step()
                away = False
            except IndexUnavailable as failure:
                if not away:
                    logger.warning("serving what is known: %s", failure)
                away = True
                self._pause()
            except Exception:  # the follower must outlive whatever one odd record raises
                logger.exception("following the registry failed; trying again")
                self._pause()

    def _step(self) -> None:
        if self._cursor is None:
            # The cursor first: what changes while everything is read is read again.
            _, self._cursor = self._registry.changes("$")
        if time.monotonic() >= self._reconcile_at:
            self._routing.read_everything()
            self._reconcile_at = time.monotonic() + self._reconcile_s
        changes, cursor = self._registry.changes(self._cursor, block_ms=_BLOCK_MS)
        self._apply(changes)
        self._cursor = cursor

    def _apply(self, changes: list[Change]) -> None:
        if any(change.kind == "backbones" for change in changes):
            self._reconcile_at = 0.0  # versions that waited for one can take over now
        for change in changes:
            if change.kind == "deleted" and change.version is not None:
                self._routing.forget_version(change.task, change.version)
        for task in dict.fromkeys(change.task for change in changes if change.kind != "backbones"):
            try:
                self._routing.refresh(task)
            except (TaskUnknown, VersionUnknown):
                logger.info("task %s is gone", task)
            except RecordCorrupt as fault:
                logger.warning("task %s goes on as it was: %s", task, fault, extra={"task": task})

    def _pause(self) -> None:
        """Before another try, which then reads everything: the stream may be another one by then."""
        self._cursor, self._reconcile_at = None, 0.0
        self._stopping.wait(_PAUSE_S)
