"""HTTP requests to one service, as one caller; what it refuses becomes an error."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from cli.errors import OptionUnusable, RequestRefused, ServiceUnreachable
from cli.service.patience import Patience

Json = dict[str, Any]

PATIENCE = Patience()
TIMEOUT = httpx.Timeout(30.0, read=120.0)  # seconds; a cold task is loaded within one read


def path_of(*segments: str | int) -> str:
    """The path of a resource. What people typed stays one segment, whatever signs it holds."""
    return "".join(f"/{quote(str(segment), safe='@', errors='surrogateescape')}" for segment in segments)


class Session:
    """Close it, or use it as a context manager. Raises `OptionUnusable` for a URL or a key that none can be.

    `key` is the secret of a key, for a service that asks for one; the actor in the history is then the key's name.
    Without keys it is `actor`. `transport` replaces the one that opens connections. `patience` is for what
    is tried again while the service is away: uploads and events.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        actor: str | None = None,
        transport: httpx.BaseTransport | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self.url = url.rstrip("/")
        self.key = key
        self.patience = patience
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= {"X-Actor": actor} if actor else {}
        if key is not None and not (key.isascii() and key.isprintable()):
            raise OptionUnusable("the key holds characters that no key has")
        try:
            # trust_env off: a proxy in the environment must not swallow requests to this machine
            self._http = httpx.Client(
                base_url=self.url, timeout=TIMEOUT, trust_env=False, headers=headers, transport=transport
            )
        except httpx.InvalidURL as error:
            raise OptionUnusable(f"{url!r} is no URL: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def is_alive(self) -> bool:
        """Whether the service answers, ready or not."""
        return self._succeeds("/healthz")

    def is_ready(self) -> bool:
        return self._succeeds("/readyz")

    def _succeeds(self, path: str) -> bool:
        try:
            return self._http.get(path).is_success
        except httpx.TransportError:
            return False

    def _request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Raises `ServiceUnreachable`, `RequestRefused`."""
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.TransportError as error:
            raise ServiceUnreachable(self.url) from error
        if not response.is_success:
            raise _refusal(response)
        return response

    def _document(self, method: str, path: str, **arguments: Any) -> Json:
        """An answer that is one JSON object."""
        document: Json = self._request(method, path, **arguments).json()
        return document

    def _rows(self, path: str, key: str, **arguments: Any) -> list[Json]:
        """An answer that is a list of JSON objects, or an object with such a list under the key."""
        answer = self._request("GET", path, **arguments).json()
        rows: list[Json] = answer[key] if isinstance(answer, dict) else answer
        return rows

    @contextmanager
    def _stream(self, path: str, **arguments: Any) -> Iterator[httpx.Response]:
        """An answer that is read while it arrives. Raises `RequestRefused` and httpx's own `TransportError`."""
        with self._http.stream("GET", path, **arguments) as response:
            if not response.is_success:
                response.read()
                raise _refusal(response)
            yield response


def _refusal(response: httpx.Response) -> RequestRefused:
    try:
        problem = response.json()
    except ValueError:  # a page of a proxy
        problem = {}
    return RequestRefused(
        response.request.method,
        response.request.url.path,
        response.status_code,
        response.reason_phrase,
        problem if isinstance(problem, dict) else {},
        request_id=response.headers.get("x-request-id"),
    )
