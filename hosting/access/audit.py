"""The audit log: with `NETTAILOR_AUDIT_LOG`, one line of JSON a request that is no prediction."""

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hosting.access.actor import HEADER, actor_named
from hosting.access.caller import caller
from hosting.access.route_table import route_match
from hosting.errors import AuditLogUnusable
from hosting.telemetry.request_id import request_id
from hosting.web.connection.scope import method_of

logger = logging.getLogger(__name__)

_TEXT_CHARACTERS = 2000  # of a path or a name that a client made up


class AuditLog:
    """A file that several processes append to: every line is one write, and the file is opened anew for each, so that
    it may be moved away. Raises `AuditLogUnusable` if it cannot be written at the start; later that is logged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._append(b"")
        except OSError as error:
            raise AuditLogUnusable(str(path), str(error)) from error

    def write(self, **entry: Any) -> None:
        line = json.dumps(entry, separators=(",", ":")) + "\n"
        try:
            self._append(line.encode())
        except OSError:
            logger.exception("this line is missing in the audit log: %s", line)

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


class AuditTrail:
    """Pure ASGI, outside the authorization, whose refusals it keeps too."""

    def __init__(self, app: ASGIApp, log: AuditLog) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        match = route_match(scope)
        if match.is_prediction or match.scope is None:
            await self._app(scope, receive, send)
            return
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        caller.set(actor_named(Headers(scope=scope).get(HEADER, "")))
        status: int | None = None  # the client went before there was one

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:  # only looked at, for the line below: it goes on to the last-resort handler
            status = status or 500  # as that one will answer
            raise
        finally:
            self._log.write(
                when=when,
                request_id=request_id.get(),
                actor=_short(caller.get()),
                method=method_of(scope),
                path=_short(scope["path"]),
                task=_short(",".join(match.tasks) or None),
                status=status,
            )


def _short(text: str | None) -> str | None:
    return text if text is None else text[:_TEXT_CHARACTERS]
