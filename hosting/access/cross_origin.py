"""Cross-origin protection: what pages of other sites may make a service do.

A browser sends the requests of any page to any address, this machine's too, and keeps only the answers from the page. A
service without keys would obey all of them, so it refuses those of other sites, by what the browser says of where they
come from. With keys there is nothing to refuse: a page has none, and a browser does not add one by itself.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hosting.access.allowed_hosts import AllowedHosts
from hosting.access.open_routes import HEALTHZ, READYZ
from hosting.access.route_table import route_match
from hosting.errors import HostNotAllowed, OriginNotAllowed
from hosting.telemetry.request_id import HEADER as REQUEST_ID
from hosting.web.problem import Problem, ProblemTable
from hosting.web.problems import answer, problem_response

EVERY_ORIGIN = "*"

_PROBLEMS: ProblemTable = {
    HostNotAllowed: (421, "host not allowed"),
    OriginNotAllowed: (403, "origin not allowed"),
}
_TELLING = frozenset({b"host", b"origin", b"sec-fetch-site"})
_MOST_KNOWN = 100  # headers `Host`; a stranger who may ask at all can name as many ports as there are
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # they change nothing, and no other site reads the answer
_PROBES = (HEALTHZ, READYZ)  # asked by whatever name a prober knows; they tell nothing
_DEFAULT_PORTS = {"http": 80, "https": 443}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_EXPOSED = (
    *(REQUEST_ID, "X-Task-Version", "X-Top1-Agreement", "Server-Timing", "Retry-After", "ETag", "Location", "Link"),
    *("Content-Disposition", "WWW-Authenticate", "Inference-Header-Content-Length", "traceparent"),
)


class CrossOriginProtection:
    """Pure ASGI, within `RouteLookup`."""

    def __init__(self, app: ASGIApp, hosts: AllowedHosts, origins: Collection[str]) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = frozenset(origins)
        # What `Host` said in requests that were let in and said nothing of where they come from, as of programs all do.
        self._known_hosts: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._check(scope)
            except (HostNotAllowed, OriginNotAllowed) as failure:
                await answer(Request(scope), failure, _PROBLEMS)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        said = [header for header in scope["headers"] if header[0] in _TELLING]
        only_host = said[0][1] if len(said) == 1 and said[0][0] == b"host" else None
        if only_host in self._known_hosts:
            return
        headers = Headers(scope=scope)
        is_probe = route_match(scope).route in _PROBES
        if not is_probe:
            for host in headers.getlist("host"):
                self._hosts.check(host)
        if scope["method"] not in _SAFE_METHODS:
            self._check_origin(headers)
        if only_host is not None and not is_probe and len(self._known_hosts) < _MOST_KNOWN:
            self._known_hosts.add(only_host)

    def _check_origin(self, headers: Headers) -> None:
        """Raises `OriginNotAllowed`. What is no browser sends neither header."""
        origins = headers.getlist("origin")
        if EVERY_ORIGIN in self._origins or (origins and self._origins.issuperset(origins)):
            return
        for origin in origins:
            if not is_same_origin(origin, headers.get("host", "")):
                raise OriginNotAllowed(origin)
        if headers.get("sec-fetch-site") == "cross-site":
            raise OriginNotAllowed("another site")


def is_same_origin(origin: str, host: str) -> bool:
    """Whether a page comes from the host that it asks. The scheme does not count: TLS may end at a proxy before us."""
    try:
        page = urlsplit(origin)
        asked = urlsplit(f"//{host}")
        default = _DEFAULT_PORTS.get(page.scheme)
        ports = page.port or default, asked.port or default
    except ValueError:  # of a port that is no number
        return False
    return page.hostname is not None and page.hostname == asked.hostname and ports[0] == ports[1]


class Cors(CORSMiddleware):
    """Refuses preflights with problem documents, as everything else here."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        detail = f"{bytes(response.body).decode()}; NETTAILOR_ALLOWED_ORIGINS lets an origin in"
        problem = Problem(title="preflight refused", status=response.status_code, detail=detail, error=detail)
        kept = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        return problem_response(problem, headers=kept)


def allow_origins(app: FastAPI, origins: Collection[str]) -> None:
    """Let pages of these origins ask and read (CORS), without cookies. Called last: preflights come without a key."""
    app.add_middleware(
        Cors,
        allow_origins=sorted(origins),
        allow_methods=_METHODS,
        allow_headers=["*"],
        expose_headers=_EXPOSED,
    )
