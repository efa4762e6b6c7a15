"""What a key must be good for, by method and path. What is not known here needs `admin`."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from hosting.access.keys import Scope

# Whoever watches over a service asks the first three; the others show what routes there are, not what is behind them.
OPEN = frozenset({"/healthz", "/readyz", "/metrics", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})

_PREDICT = re.compile(r"/predict|/tasks/[^/]+/predict|/tasks/[^/]+/versions/[^/]+/predict")
_READING = frozenset({"GET", "HEAD"})
_ACTING: tuple[tuple[frozenset[str], re.Pattern[str], Scope], ...] = (
    (frozenset({"POST"}), _PREDICT, "read"),
    (frozenset({"POST"}), re.compile(r"/tasks/[^/]+/(versions|dataset)"), "publish"),
    (frozenset({"POST"}), re.compile(r"/tasks/[^/]+/versions/[^/]+/front/[^/]+"), "publish"),
    (frozenset({"PATCH"}), re.compile(r"/tasks/[^/]+/versions/[^/]+"), "publish"),
    (frozenset({"POST"}), re.compile(r"/jobs/[^/]+/(cancel|retry)"), "publish"),
    (frozenset({"PUT", "DELETE"}), re.compile(r"/tasks/[^/]+/aliases/[^/]+"), "promote"),
    (frozenset({"POST"}), re.compile(r"/tasks/[^/]+/rollback"), "promote"),
)
_OF_TASK = re.compile(r"/tasks/([^/]+)(/.*)?", re.DOTALL)
_OF_JOB = re.compile(r"/jobs/([^/]+)(/.*)?", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Need:
    """A scope, and what the request is about: tasks by name, or a job, whose task is to be looked up; or neither."""

    scope: Scope
    tasks: tuple[str, ...] = ()
    job: str | None = None


def need(method: str, path: str, query: bytes = b"") -> Need | None:
    """None: anybody may."""
    if path in OPEN and method in _READING:
        return None
    of_job = _OF_JOB.fullmatch(path)
    return Need(scope=_scope(method, path), tasks=_tasks(path, query), job=of_job[1] if of_job else None)


def is_prediction(method: str, path: str) -> bool:
    return method == "POST" and _PREDICT.fullmatch(path) is not None


def _scope(method: str, path: str) -> Scope:
    if method in _READING:
        return "read"
    return next((scope for methods, way, scope in _ACTING if method in methods and way.fullmatch(path)), "admin")


def _tasks(path: str, query: bytes) -> tuple[str, ...]:
    """Without their aliases. A parameter given several times counts with all its values, whichever the route takes."""
    if found := _OF_TASK.fullmatch(path):
        names = [found[1]]
    elif path in ("/predict", "/jobs"):
        parameter = "tasks" if path == "/predict" else "task"
        values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get(parameter, [])
        names = [name for value in values for name in value.split(",")]
    else:
        names = []
    return tuple(dict.fromkeys(name.partition("@")[0] for name in names))
