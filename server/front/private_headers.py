"""What a front tells the engine's process of a request that it passes on, beside the request (torch-free).

Only fronts can reach the socket that such requests come by, and they let none of these names pass from outside.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

_CLIENT, _SCHEME = b"x-nettailor-client", b"x-nettailor-scheme"
PRIVATE = frozenset({_CLIENT, _SCHEME})

Header = tuple[bytes, bytes]


def private_headers(scope: Scope) -> list[Header]:
    found = [(_SCHEME, scope["scheme"].encode())]
    if scope.get("client"):
        host, port = scope["client"]
        found.append((_CLIENT, f"{port} {host}".encode()))
    return found


class FromFront:
    """An ASGI app around another, to which requests look as if they had come without a front."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            told = dict(header for header in scope["headers"] if header[0] in PRIVATE)
            scope["headers"] = [header for header in scope["headers"] if header[0] not in PRIVATE]
            scope["client"] = _client(told.get(_CLIENT, b""))
            scope["scheme"] = told.get(_SCHEME, b"http").decode()
        await self._app(scope, receive, send)


def _client(words: bytes) -> tuple[str, int] | None:
    port, _, host = words.decode().partition(" ")
    return (host, int(port)) if host else None
