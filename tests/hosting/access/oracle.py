"""What a request needs, read off regular expressions: the oracle of the table of routes."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from hosting.access.keys import Scope

_ASSETS = ("swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js", "favicon.png")
OPEN = frozenset({"/healthz", "/readyz", "/metrics", "/docs", "/redoc", "/openapi.json"}) | {
    f"/docs/{name}" for name in _ASSETS
}
OPEN |= {"/v2", "/v2/", "/v2/health/live", "/v2/health/ready"}

_MODEL = r"/v2/models/[^/]+(/versions/[^/]+)?"
_PREDICT = re.compile(rf"/predict|/tasks/[^/]+/predict|/tasks/[^/]+/versions/[^/]+/predict|{_MODEL}/infer")
_ABOUT_PREDICTING = re.compile(rf"{_MODEL}(/ready|/config)?")
_READING = frozenset({"GET", "HEAD"})
_ACTING: tuple[tuple[frozenset[str], re.Pattern[str], Scope], ...] = (
    (_READING, _ABOUT_PREDICTING, "predict"),
    (_READING, re.compile(r".*", re.DOTALL), "read"),
    (frozenset({"POST"}), _PREDICT, "predict"),
    (frozenset({"POST"}), re.compile(r"/v2/repository/index"), "read"),
    (frozenset({"POST"}), re.compile(r"/tasks/[^/]+/(versions|dataset)|/datasets/inspect"), "publish"),
    (frozenset({"POST"}), re.compile(r"/tasks/[^/]+/versions/[^/]+/front/[^/]+"), "publish"),
    (frozenset({"PATCH"}), re.compile(r"/tasks/[^/]+/versions/[^/]+"), "publish"),
    (frozenset({"POST"}), re.compile(r"/jobs/[^/]+/(finish|cancel|retry)"), "publish"),
    (frozenset({"PUT", "DELETE"}), re.compile(r"/tasks/[^/]+/aliases/[^/]+"), "promote"),
    (frozenset({"POST"}), re.compile(r"/tasks/[^/]+/rollback"), "promote"),
)
_OF_TASK = re.compile(r"(?:/tasks|/v2/models|/v2/repository/models)/([^/]+)(/.*)?", re.DOTALL)
_OF_VERSION = re.compile(r"(?:/tasks|/v2/models)/[^/]+/versions/(\d{1,18})(/.*)?", re.DOTALL)
_OF_JOB = re.compile(r"/jobs/([^/]+)(/.*)?", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Need:
    """A scope, and what the request is about: tasks by name and perhaps a version, or a job; or neither."""

    scope: Scope
    tasks: tuple[str, ...] = ()
    job: str | None = None
    version: int | None = None


def need(method: str, path: str, query: bytes = b"") -> Need | None:
    """None where callers need no key."""
    if path in OPEN and method in _READING:
        return None
    of_job, of_version = _OF_JOB.fullmatch(path), _OF_VERSION.fullmatch(path)
    return Need(
        scope=_scope(method, path),
        tasks=_tasks(path, query),
        job=of_job[1] if of_job else None,
        version=int(of_version[1]) if of_version else None,
    )


def is_prediction(method: str, path: str) -> bool:
    return method == "POST" and _PREDICT.fullmatch(path) is not None


def _scope(method: str, path: str) -> Scope:
    return next((scope for methods, way, scope in _ACTING if method in methods and way.fullmatch(path)), "admin")


def _tasks(path: str, query: bytes) -> tuple[str, ...]:
    """Without their aliases."""
    if found := _OF_TASK.fullmatch(path):
        names = [found[1]]
    elif path in ("/predict", "/jobs", "/datasets/inspect"):
        parameter = "tasks" if path == "/predict" else "task"
        values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get(parameter, [])
        names = [name.strip() for value in values for name in value.split(",")]
    else:
        names = []
    return tuple(dict.fromkeys(name.partition("@")[0] for name in names))
