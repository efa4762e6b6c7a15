"""The table of routes against an oracle of regular expressions, on all routes and on odd paths."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.access.open_routes import OPEN_ROUTES
from hosting.access.route_table import Route, RouteMatch, RouteTable
from registry.http.route_declarations import ROUTES as REGISTRY_ROUTES
from server.http.route_declarations import PREDICT, PREDICT_MANY, PREDICT_VERSION
from server.http.route_declarations import ROUTES as SERVER_ROUTES
from tests.hosting.access.oracle import OPEN, Need, is_prediction, need
from trainer.http.route_declarations import ROUTES as TRAINER_ROUTES

TABLE = RouteTable(SERVER_ROUTES, TRAINER_ROUTES, REGISTRY_ROUTES, OPEN_ROUTES)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "post", "")
QUERIES = (b"", b"tasks=a,+b@next&tasks=c%20&task=d", b"task=a%2Cb@x&tasks=", b"tasks", b"task=%zz\xff&tasks=@", b"&;=")
VALUES = ("signs", "signs@live", "@live", "a@b@c", "3", "007", "\u0663", "9" * 19, "-1", "predict", "a\nb", " ", ".")
LITERALS = sorted({part for route in TABLE.routes for part in route.path.split("/") if not part.startswith("{")})

segments = st.one_of(st.sampled_from(LITERALS), st.sampled_from(VALUES), st.text(max_size=4))
paths = st.one_of(
    st.text(max_size=30),
    st.lists(segments, max_size=9).map("/".join),
    st.lists(segments, max_size=9).map(lambda parts: "/" + "/".join(parts)),
)


def _needed(match: RouteMatch) -> Need | None:
    if match.scope is None:
        return None
    return Need(scope=match.scope, tasks=match.tasks, job=match.job, version=match.version)


def _agree(method: str, path: str, query: bytes) -> None:
    match = TABLE.find(method, path, query)
    assert _needed(match) == need(method, path, query), (method, path, query)
    assert match.is_prediction == is_prediction(method, path), (method, path)


def _filled(path: str, value: str) -> str:
    return re.sub(r"\{[^}]+\}", lambda _: value, path)


def _neighbours(path: str) -> tuple[str, ...]:
    """The path, and others that are easily taken for it."""
    shorter, _, last = path.rpartition("/")
    longer = (f"{path}/", f"{path}//", f"{path}/x", f"{path}/predict", f"{path}\n", f"{path}x", f"/{path}")
    return (path, shorter, path[1:], path.upper(), path.replace("/", "//"), f"{shorter}//{last}", *longer)


def test_all_routes_and_their_neighbours_need_what_the_oracle_says() -> None:
    queries = itertools.cycle(QUERIES)  # their number and that of the methods share no factor: all pairs occur
    for route, value in itertools.product(TABLE.routes, VALUES):
        for path, method in itertools.product(_neighbours(_filled(route.path, value)), METHODS):
            _agree(method, path, next(queries))


@given(st.sampled_from(METHODS), paths, st.one_of(st.sampled_from(QUERIES), st.binary(max_size=20)))
def test_odd_paths_need_what_the_oracle_says(method: str, path: str, query: bytes) -> None:
    _agree(method, path, query)


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("GET /tasks", Need(scope="read")),
        ("HEAD /tasks", Need(scope="read")),
        ("GET /tasks/signs/versions/3/bundle", Need(scope="read", tasks=("signs",), version=3)),
        ("POST /tasks/signs/predict", Need(scope="predict", tasks=("signs",))),
        ("POST /tasks/signs@candidate/predict", Need(scope="predict", tasks=("signs",))),
        ("POST /tasks/signs/versions/3/predict", Need(scope="predict", tasks=("signs",), version=3)),
        ("POST /predict?tasks=a,b@next&tasks=c", Need(scope="predict", tasks=("a", "b", "c"))),
        ("POST /predict?tasks=a%2Cb", Need(scope="predict", tasks=("a", "b"))),
        ("POST /predict?tasks=a,+b@next,%20c", Need(scope="predict", tasks=("a", "b", "c"))),
        ("POST /predict", Need(scope="predict")),
        ("GET /jobs", Need(scope="read")),
        ("GET /jobs?task=signs&limit=3", Need(scope="read", tasks=("signs",))),
        ("GET /jobs/abc/events", Need(scope="read", job="abc")),
        ("POST /jobs/abc/cancel", Need(scope="publish", job="abc")),
        ("POST /jobs/abc/retry", Need(scope="publish", job="abc")),
        ("POST /tasks/signs/versions/3/front/7", Need(scope="publish", tasks=("signs",), version=3)),
        ("PATCH /tasks/signs/versions/3", Need(scope="publish", tasks=("signs",), version=3)),
        ("PUT /tasks/signs/policy", Need(scope="admin", tasks=("signs",))),
        ("POST /tasks/signs/dataset", Need(scope="publish", tasks=("signs",))),
        ("POST /tasks/signs/versions", Need(scope="publish", tasks=("signs",))),
        ("PUT /tasks/signs/aliases/live", Need(scope="promote", tasks=("signs",))),
        ("DELETE /tasks/signs/aliases/live", Need(scope="promote", tasks=("signs",))),
        ("POST /tasks/signs/rollback", Need(scope="promote", tasks=("signs",))),
        ("DELETE /tasks/signs", Need(scope="admin", tasks=("signs",))),
        ("DELETE /tasks/signs/versions/3", Need(scope="admin", tasks=("signs",), version=3)),
        ("PATCH /tasks/signs", Need(scope="admin", tasks=("signs",))),
        ("POST /anything/new", Need(scope="admin")),
        ("GET /anything/new", Need(scope="read")),
        ("GET /healthz", None),
        ("GET /metrics", None),
        ("GET /docs", None),
        ("POST /metrics", Need(scope="admin")),
        ("GET /metrics/", Need(scope="read")),
    ],
)
def test_what_requests_need(request_line: str, expected: Need | None) -> None:
    method, url = request_line.split()
    path, _, query = url.partition("?")
    assert _needed(TABLE.find(method, path, query.encode())) == expected


@given(st.sampled_from(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "post"]), st.text(max_size=40))
def test_what_acts_and_is_not_known_needs_admin(method: str, rest: str) -> None:
    match = TABLE.find(method, f"/{rest}")
    assert match.route is not None or match.scope == "admin"


@given(st.from_regex(r"[^/]+", fullmatch=True), st.sampled_from(["", "/versions", "/a/b", "\n", "/\n"]))
def test_a_path_under_a_task_is_about_that_task(task: str, rest: str) -> None:
    whole = task + rest if rest == "\n" else task  # no slash: still its name
    assert TABLE.find("DELETE", f"/tasks/{task}{rest}").tasks == (whole.partition("@")[0],)


def test_only_predictions_are_predictions() -> None:
    assert TABLE.find("POST", "/predict").route is PREDICT_MANY
    assert TABLE.find("POST", "/tasks/a@b/predict").route is PREDICT
    assert TABLE.find("POST", "/tasks/a/versions/b/predict").route is PREDICT_VERSION
    assert not TABLE.find("GET", "/tasks/a/predict").is_prediction
    assert not TABLE.find("POST", "/tasks/a/predict/b").is_prediction
    assert not any(TABLE.find("POST", path).is_prediction for path in OPEN)


def test_handlers_are_given_the_parameters_as_the_path_has_them() -> None:
    match = TABLE.find("POST", "/tasks/signs@live/versions/first/predict")
    assert match.path_parameters == {"task": "signs@live", "version": "first"}
    nested = TABLE.find("GET", "/tasks/signs/versions/3/attachments/pages/a.html")
    assert nested.path_parameters == {"task": "signs", "version": "3", "name": "pages/a.html"}
    assert TABLE.find("GET", "/tasks/signs/versions/3/attachments/").path_parameters["name"] == ""


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/tasks/{task}", "/tasks/{task}"),
        ("/tasks/{task}", "/tasks/{name}"),
        ("/tasks/{task}", "/tasks/all"),
        ("/tasks/all", "/tasks/{task}/versions"),
        ("/files/{name:path}", "/files/{name:path}/lines"),
    ],
)
def test_a_table_refuses_routes_between_which_a_walk_would_have_to_choose(first: str, second: str) -> None:
    with pytest.raises(AssertionError):
        RouteTable([Route(method="GET", path=path, scope="read") for path in (first, second)])
