import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.access.permissions import OPEN, Need, is_prediction, need


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("GET /tasks", Need(scope="read")),
        ("HEAD /tasks", Need(scope="read")),
        ("GET /tasks/signs/versions/3/bundle", Need(scope="read", tasks=("signs",))),
        ("POST /tasks/signs/predict", Need(scope="read", tasks=("signs",))),
        ("POST /tasks/signs@candidate/predict", Need(scope="read", tasks=("signs",))),
        ("POST /tasks/signs/versions/3/predict", Need(scope="read", tasks=("signs",))),
        ("POST /predict?tasks=a,b@next&tasks=c", Need(scope="read", tasks=("a", "b", "c"))),
        ("POST /predict?tasks=a%2Cb", Need(scope="read", tasks=("a", "b"))),
        ("POST /predict", Need(scope="read")),
        ("GET /jobs", Need(scope="read")),
        ("GET /jobs?task=signs&limit=3", Need(scope="read", tasks=("signs",))),
        ("GET /jobs/abc/events", Need(scope="read", job="abc")),
        ("POST /jobs/abc/cancel", Need(scope="publish", job="abc")),
        ("POST /jobs/abc/retry", Need(scope="publish", job="abc")),
        ("POST /tasks/signs/versions/3/front/7", Need(scope="publish", tasks=("signs",))),
        ("PATCH /tasks/signs/versions/3", Need(scope="publish", tasks=("signs",))),
        ("PUT /tasks/signs/policy", Need(scope="admin", tasks=("signs",))),
        ("POST /tasks/signs/dataset", Need(scope="publish", tasks=("signs",))),
        ("POST /tasks/signs/versions", Need(scope="publish", tasks=("signs",))),
        ("PUT /tasks/signs/aliases/live", Need(scope="promote", tasks=("signs",))),
        ("DELETE /tasks/signs/aliases/live", Need(scope="promote", tasks=("signs",))),
        ("POST /tasks/signs/rollback", Need(scope="promote", tasks=("signs",))),
        ("DELETE /tasks/signs", Need(scope="admin", tasks=("signs",))),
        ("DELETE /tasks/signs/versions/3", Need(scope="admin", tasks=("signs",))),
        ("PATCH /tasks/signs", Need(scope="admin", tasks=("signs",))),
        ("POST /anything/new", Need(scope="admin")),
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
    assert need(method, path, query.encode()) == expected


@given(st.sampled_from(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "post"]), st.text(max_size=40))
def test_what_acts_and_is_not_known_needs_admin(method: str, rest: str) -> None:
    of_task = "versions/[^/]+/predict|versions/[^/]+/front/[^/]+|predict|versions|dataset|rollback|aliases/[^/]+"
    known = rf"/tasks/[^/]+/({of_task})|/jobs/[^/]+/\w+|/predict"
    path = f"/{rest}"
    found = need(method, path)
    assert found is not None
    assert found.scope == "admin" or re.fullmatch(known, path)


@given(st.from_regex(r"[^/]+", fullmatch=True), st.sampled_from(["", "/versions", "/a/b", "\n", "/\n"]))
def test_a_path_under_a_task_is_about_that_task(task: str, rest: str) -> None:
    found = need("DELETE", f"/tasks/{task}{rest}")
    assert found is not None
    whole = task + rest if rest == "\n" else task  # no slash: still its name
    assert found.tasks == (whole.partition("@")[0],)


def test_only_predictions_are_predictions() -> None:
    assert is_prediction("POST", "/predict")
    assert is_prediction("POST", "/tasks/a@b/predict")
    assert not is_prediction("GET", "/tasks/a/predict")
    assert not is_prediction("POST", "/tasks/a/predict/b")
    assert not any(is_prediction("POST", path) for path in OPEN)
