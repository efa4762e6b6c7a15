"""What travels between an ingress and a replica: an HTTP request and its answer, as plain data (knows no Ray)."""

import logging
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Scope

logger = logging.getLogger(__name__)

Headers = tuple[tuple[bytes, bytes], ...]  # names in lower case


@dataclass(frozen=True, kw_only=True)
class Call:
    tasks: tuple[str, ...]  # that it is about, without aliases; none: any replica will do
    method: str
    path: str  # percent-decoded, as ASGI has it
    query: bytes
    headers: Headers
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Headers
    body: bytes


async def ask(app: ASGIApp, call: Call) -> Answer:
    """Run a call through an ASGI app of this process."""
    status, chunks = 0, []
    headers: Headers = ()
    incoming: list[Message] = [{"type": "http.request", "body": call.body, "more_body": False}]

    async def receive() -> Message:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = tuple((bytes(name), bytes(value)) for name, value in message.get("headers", ()))
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    try:
        await app(_scope(call), receive, send)
    except Exception:  # Starlette answers with a 500 and then raises what it was, for a server to log
        if not status:
            raise
        logger.exception("%s %s failed", call.method, call.path)
    return Answer(status=status, headers=headers, body=b"".join(chunks))


def _scope(call: Call) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": call.path,
        "root_path": "",
        "query_string": call.query,
        "headers": list(call.headers),
        "client": None,
        "server": None,
    }
