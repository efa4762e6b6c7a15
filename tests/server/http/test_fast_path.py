"""The short way to the handlers and the long one, through FastAPI's router, answer alike."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hosting.web.problems import install_problem_handlers
from server.http.problems import ALL_PROBLEMS
from tests.server.asking import FILES
from tests.server.running import Running

_TIMES = ("switch_ms", "queue_ms", "inference_ms")


@pytest.fixture(scope="module")
def server(stocked_server: Running) -> Running:
    assert stocked_server.client.post("/predict?tasks=signs,flowers", content=FILES[0]).is_success  # both on the device
    return stocked_server


def through_the_router(server: Running, path: str, headers: dict[str, str]) -> httpx.Response:
    app = FastAPI()
    install_problem_handlers(app, ALL_PROBLEMS)
    app.include_router(server.service.router)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://router") as client:
            return await client.post(path, content=FILES[0], headers=headers)

    return asyncio.run(ask())


def without_times(body: Any) -> Any:
    if isinstance(body, list):
        return [without_times(part) for part in body]
    if isinstance(body, dict):
        return {key: without_times(value) for key, value in body.items() if key not in _TIMES}
    return body


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tasks/signs/predict", 200),
        ("/tasks/signs@live/predict?top_k=2&priority=-3", 200),
        ("/tasks/si%67ns/predict", 200),
        ("/tasks/signs/versions/1/predict?timeout_ms=20000", 200),
        ("/predict?tasks=signs,flowers&top_k=1", 200),
        ("/tasks/nothing/predict", 404),
        ("/tasks/signs/versions/9/predict", 404),
        ("/tasks/signs/versions/first/predict", 422),
        ("/tasks/signs/versions/0/predict", 422),
        ("/predict?tasks=signs&tasks=flowers", 200),
        ("/predict?tasks=signs&tasks=", 422),
        ("/predict?tasks=signs&tasks=signs", 422),
        ("/tasks/signs/predict?topk=3", 422),
        ("/tasks/signs/predict?tasks=signs", 422),
        ("/predict?tasks=signs&task=flowers", 422),
        ("/tasks/signs/predict?top_k=0", 422),
        ("/tasks/signs/predict?top_k=many&timeout_ms=-1", 422),
        ("/predict?tasks=", 422),
        ("/predict", 422),
        ("/tasks/a/b/predict", 404),
    ],
)
def test_both_ways_answer_alike(server: Running, path: str, status: int) -> None:
    headers = {"content-type": "image/png", "x-request-id": "same"}
    short = server.client.post(path, content=FILES[0], headers=headers)
    long = through_the_router(server, path, headers)
    assert short.status_code == long.status_code == status
    assert without_times(short.json()) == without_times(long.json())
    assert short.headers["content-type"] == long.headers["content-type"]
    assert short.headers.get("x-task-version") == long.headers.get("x-task-version")


def test_other_methods_are_the_router_s(server: Running) -> None:
    assert server.client.get("/tasks/signs/predict").status_code == 405


def test_an_overloaded_server_says_so_before_it_reads(server: Running) -> None:
    admission = server.service.parts.admission
    bound = server.service.settings.queue_bound
    admission.enter(("others",), bound)
    try:
        nothing_is_looked_up = server.client.post("/tasks/nothing/predict", content=b"not an image")
        assert (nothing_is_looked_up.status_code, nothing_is_looked_up.json()["title"]) == (429, "overloaded")
        assert int(nothing_is_looked_up.headers["retry-after"]) >= 1
    finally:
        admission.leave(("others",), bound)
    assert server.client.post("/tasks/signs/predict", content=FILES[0]).status_code == 200


def test_the_parameters_are_documented(server: Running) -> None:
    paths = server.client.get("/openapi.json").json()["paths"]
    named = {
        path: {(p["in"], p["name"]) for p in paths[path]["post"]["parameters"]} for path in paths if "predict" in path
    }
    query = {("query", name) for name in ("top_k", "priority", "timeout_ms")}
    assert named == {
        "/tasks/{task}/predict": query | {("path", "task")},
        "/tasks/{task}/versions/{version}/predict": query | {("path", "task"), ("path", "version")},
        "/predict": query | {("query", "tasks")},
    }
    schema = paths["/tasks/{task}/predict"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Prediction"}
