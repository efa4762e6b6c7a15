"""Authorization: a request is looked up in the table of routes, and with `NETTAILOR_KEYS_FILE` needs a key of the scope
that is named there; without it, it must not come from a page of another site.

Pure ASGI and outside all routing, because predictions take a way of their own past the routes.
"""

from collections.abc import Callable, Mapping, Sequence

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hosting.access.allowed_hosts import AllowedHosts
from hosting.access.audit import AuditLog, AuditTrail
from hosting.access.bodies import BodiesUnderWay, BoundedBodies
from hosting.access.caller import caller
from hosting.access.caller import key as key_of_request
from hosting.access.cross_origin import CrossOriginProtection, allow_origins
from hosting.access.keys import Key, Keyring
from hosting.access.keys import Scope as KeyScope
from hosting.access.pages.cookie import opened_tasks, page_cookie
from hosting.access.pages.links import Links, token_in
from hosting.access.pages.refusal import page_of_refusal, wants_words
from hosting.access.rates.rate_limit import Buckets, RateLimit, TokenBuckets
from hosting.access.route_table import MATCH, RouteMatch, RouteTable, route_match
from hosting.errors import KeyMissing, KeyUnknown, LinkExpired, LinkInvalid, ScopeMissing, TaskForbidden
from hosting.settings.settings import Settings
from hosting.telemetry import log_context
from hosting.web.problem import ProblemTable, problem_of
from hosting.web.problems import answer, problem_response

ACTOR = b"x-actor"

_READING = ("GET", "HEAD")  # all that a link is good for, wherever another site may put one
_PRIVATELY = {b"cache-control": b"no-store", b"referrer-policy": b"no-referrer"}

TaskOfJob = Callable[[str], str]  # may raise what is in the table beside it

_REFUSALS: Mapping[type[Exception], tuple[int, str, str]] = {  # status, title, WWW-Authenticate (RFC 6750)
    KeyMissing: (401, "key missing", 'Bearer realm="nettailor"'),
    KeyUnknown: (401, "unknown key", 'Bearer realm="nettailor", error="invalid_token"'),
    LinkInvalid: (401, "unknown link", 'Bearer realm="nettailor", error="invalid_token"'),
    LinkExpired: (401, "link expired", 'Bearer realm="nettailor", error="invalid_token"'),
    ScopeMissing: (403, "scope missing", 'Bearer realm="nettailor", error="insufficient_scope"'),
    TaskForbidden: (403, "key of other tasks", 'Bearer realm="nettailor", error="insufficient_scope"'),
}


def install_access(
    app: FastAPI,
    settings: Settings,
    table: RouteTable,
    *,
    rate_refused: Callable[[], None],
    task_of_job: TaskOfJob | None = None,
    links: Links | None = None,
    problems: ProblemTable | None = None,
    buckets: TokenBuckets | None = None,
) -> None:
    """Look every request up in the table of the app's routes and bound its body; on top of that rate limits, keys, the
    audit log and CORS, as far as the settings name them. Without keys, what pages of other sites ask is refused.
    `rate_refused` counts.

    Called before `install_problem_handlers`, whose request id lies outside, and after whatever middleware answers
    requests itself. `task_of_job` lets keys that are limited to tasks ask about jobs; `links` lets browsers open
    pages. Both run in threads, and `problems` answers what they raise. `buckets` are those of rate limits that other
    processes count in, too. Raises `KeysInvalid`, `AuditLogUnusable`.
    """
    app.add_middleware(BoundedBodies, under_way=BodiesUnderWay(settings.bodies_bound_bytes))
    if settings.rate_limit_per_second:
        buckets = buckets or Buckets(per_second=settings.rate_limit_per_second, burst=settings.rate_burst)
        by_key = settings.keys_file is not None
        app.add_middleware(RateLimit, buckets=buckets, by_key=by_key, refused=rate_refused)
    for kind in (ScopeMissing, TaskForbidden):  # of handlers that look further than the route says
        app.add_exception_handler(kind, _forbidden)
    if settings.keys_file is not None:
        keyring = Keyring(settings.keys_file)
        app.add_middleware(
            Authorization, keyring=keyring, task_of_job=task_of_job, links=links, problems=problems or {}
        )
    else:
        hosts = AllowedHosts(settings.host, settings.allowed_hosts)
        app.add_middleware(CrossOriginProtection, hosts=hosts, origins=settings.allowed_origins)
    if settings.audit_log is not None:
        app.add_middleware(AuditTrail, log=AuditLog(settings.audit_log))
    app.add_middleware(RouteLookup, table=table)
    if settings.allowed_origins:
        allow_origins(app, settings.allowed_origins)


class RouteLookup:
    """Looks a request up, once, for all that stands within: audit log, authorization, rate limit, fast path.

    Pure ASGI, within the request id's middleware, so that refusals are logged with their task, too. What comes by
    another protocol than HTTP has no path of ours, and knows its route already.
    """

    def __init__(self, app: ASGIApp, table: RouteTable) -> None:
        self._app = app
        self._table = table

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            match = scope.get(MATCH) or self._table.find(scope["method"], scope["path"], scope["query_string"])
            log_context.request.set(match)
            scope = {**scope, MATCH: match}
            if match.route is None and (methods := self._table.methods_of(scope["path"])):
                send = _naming(methods, send)
        await self._app(scope, receive, send)


class Authorization:
    def __init__(
        self,
        app: ASGIApp,
        keyring: Keyring,
        task_of_job: TaskOfJob | None,
        links: Links | None,
        problems: ProblemTable,
    ) -> None:
        self._app = app
        self._keyring = keyring
        self._task_of_job = task_of_job
        self._links = links
        self._problems = problems

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            match = route_match(scope)
            if match.scope is not None:
                caller.set(None)
                key_of_request.set(None)
                try:
                    token, query = _token(scope, match)
                    key = await self._holder(scope, match, token)
                    key_of_request.set(key)  # before the check, which looks for a job among those that it may see
                    if key is not None:
                        caller.set(key.name)
                        await self._check(key, match.scope, match)
                    cookies = await self._cookies(match, token, key)
                except Exception as failure:  # only what has a problem of its own; the rest is raised again
                    await self._refusal(Request(scope), failure)(scope, receive, send)
                    return
                headers = [(name, value) for name, value in scope["headers"] if name != ACTOR]
                actor = [] if key is None else [(ACTOR, key.name.encode())]
                scope = {**scope, "headers": [*headers, *actor], "query_string": query}
                if _opens_in_a_browser(match) and "authorization" not in Headers(scope=scope):
                    send = _privately(send, cookies)
        await self._app(scope, receive, send)

    async def _holder(self, scope: Scope, match: RouteMatch, token: str | None) -> Key | None:
        """Whose key it is; None for a guest who shows none. Raises `KeyMissing`, `KeyUnknown`, `LinkInvalid`,
        `LinkExpired`."""
        if token is not None and self._links is not None:
            return await run_in_threadpool(self._links.holder, token, scope["path"], self._keyring)
        headers = Headers(scope=scope)
        header = headers.get("authorization", "")
        if not header and (key := await self._opener(scope, match, headers)) is not None:
            return key
        if not header and match.route is not None and match.route.guests:
            return None
        return self._keyring.holder(header)

    async def _opener(self, scope: Scope, match: RouteMatch, headers: Headers) -> Key | None:
        """Whose link opened a page about the task of this one before, in the same browser."""
        links = self._links
        if links is None or not _opens_in_a_browser(match) or scope["method"] not in _READING:
            return None
        opened = await run_in_threadpool(lambda: dict(opened_tasks(headers, links, self._keyring)))
        if not opened:  # nobody is told of jobs who has opened nothing
            return None
        for task, key in opened.items():
            key_of_request.set(key)
            if await self._tasks(match) == (task,):
                return key
        return None

    async def _cookies(self, match: RouteMatch, token: str | None, key: Key | None) -> list[bytes]:
        """For whoever comes by a link: what opens the pages that this one links to."""
        if token is None or key is None or self._links is None:
            return []
        tasks = await self._tasks(match)
        return [page_cookie(self._links, token, tasks[0], key)] if len(tasks) == 1 else []

    async def _tasks(self, match: RouteMatch) -> tuple[str, ...]:
        """What the request is about."""
        if match.job is not None and self._task_of_job is not None:
            return (await run_in_threadpool(self._task_of_job, match.job),)
        return match.tasks

    async def _check(self, key: Key, needed: KeyScope, match: RouteMatch) -> None:
        if not key.may(needed):
            raise ScopeMissing(key.name, needed)
        if key.tasks is None or (match.route is not None and match.route.any_task):
            return
        tasks = await self._tasks(match)
        if not tasks:
            raise TaskForbidden(key.name, None)
        for task in tasks:
            if task not in key.tasks:
                raise TaskForbidden(key.name, task)

    def _refusal(self, request: Request, failure: Exception) -> Response:
        if type(failure) not in _REFUSALS:
            return answer(request, failure, self._problems)
        return _refusal(request, failure)


def _naming(methods: Sequence[str], send: Send) -> Send:
    """Has a 405 name all methods of its path; Starlette names those of one route, and each of ours has one."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 405:
            others = [(name, value) for name, value in message["headers"] if name != b"allow"]
            message = {**message, "headers": [*others, (b"allow", ", ".join(methods).encode())]}
        await send(message)

    return sending


def _token(scope: Scope, match: RouteMatch) -> tuple[str | None, bytes]:
    """The token of a link, where links are good for anything, and the query that is left for the handler."""
    query: bytes = scope["query_string"]
    if match.route is None or not match.route.is_page or scope["method"] not in _READING:
        return None, query
    return token_in(query)


def _opens_in_a_browser(match: RouteMatch) -> bool:
    return match.route is not None and (match.route.is_page or match.route.is_linked)


def _privately(send: Send, cookies: Sequence[bytes]) -> Send:
    """Has browsers keep no page that a link opened, and tell no other site where they come from: links are in URLs."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [(name, value) for name, value in message["headers"] if name not in _PRIVATELY]
            kept = [(b"set-cookie", cookie) for cookie in cookies]
            message = {**message, "headers": [*others, *_PRIVATELY.items(), *kept]}
        await send(message)

    return sending


async def _forbidden(request: Request, failure: Exception) -> Response:
    return _refusal(request, failure)


def _refusal(request: Request, failure: Exception) -> Response:
    status, title, challenge = _REFUSALS[type(failure)]
    if isinstance(failure, (KeyMissing, LinkInvalid, LinkExpired)) and wants_words(request.method, request.headers):
        return page_of_refusal(status, title, str(failure), challenge)
    problem = problem_of(failure, status, title, instance=request.url.path)
    return problem_response(problem, headers={"WWW-Authenticate": challenge})
