"""The client has a method for every route, and each of its methods asks one."""

import re
from pathlib import Path
from typing import Any

import httpx

from hosting.access.open_routes import HEALTHZ, METRICS, READYZ
from hosting.access.pages.route_declarations import MAKE_LINK
from hosting.access.route_table import Route
from nettailor_client import Client, ClientError
from nettailor_client.operation import Operation, Stream
from registry.http.route_declarations import ROUTES as REGISTRY_ROUTES
from server.http.route_declarations import ROUTES as SERVER_ROUTES
from tests.nettailor_client.mocked import mocked
from trainer.http.route_declarations import ROUTES as TRAINER_ROUTES

_OIP = "/v2"  # clients of the Open Inference Protocol ask these
_ALL = (*REGISTRY_ROUTES, *SERVER_ROUTES, *TRAINER_ROUTES, MAKE_LINK, HEALTHZ, READYZ, METRICS)
_ROUTES = tuple(route for route in _ALL if not route.path.startswith(_OIP))
_OPENAPI = Route(method="GET", path="/openapi.json", scope=None)

_CALLS: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "predict": [(("signs", b"image"), {}), (("signs@live", b"image", b"image"), {"version": 1})],
    "predict_many": [((["signs", "birds"], b"image"), {})],
    "export": [(("signs", 1, Path("nowhere")), {"format": "onnx"})],
    "upload": [(("signs", b"PK"), {"options": {"preset": "fast"}})],
    "inspect": [((b"PK",), {})],
    "bundle": [(("signs", 1), {})],
    "attachment": [(("signs", 1, "front/k07.safetensors"), {})],
    "report": [(("signs",), {}), (("signs", 1), {})],
    "version": [(("signs", 1), {})],
    "lineage": [(("signs", 1), {})],
    "compare": [(("signs", [1, 4]), {})],
    "annotate": [(("signs", 1), {"note": "good"})],
    "delete_version": [(("signs", 1), {})],
    "front": [(("signs", 1), {})],
    "publish_point": [(("signs", 1, 7), {})],
    "publish": [(("signs", b"bundle"), {})],
    "publish_file": [(("signs", b"file"), {})],
    "promote": [(("signs", "live", 1), {})],
    "remove_alias": [(("signs", "live"), {})],
    "add_backbone": [(("ours", b"weights"), {})],
    "remove_backbone": [(("ours",), {})],
    **{
        name: [(("signs",), {})]
        for name in ("task", "delete_task", "history", "policy", "set_policy", "clear_policy", "versions", "rollback")
    },
    **{
        name: [(("j1",), {})]
        for name in (
            *("job", "finish", "cancel", "retry", "wait", "events", "logs"),
            *("dataset", "dataset_report", "contact_sheet"),
        )
    },
    **{
        name: [((), {})]
        for name in ("link", "tasks", "jobs", "backbones", "is_alive", "is_ready", "readiness", "metrics", "openapi")
    },
}


def _methods() -> set[str]:
    """A folder is asked by many requests of routes that have methods of their own."""
    return {
        name for kind in Client.__mro__ for name, one in vars(kind).items() if isinstance(one, Operation | Stream)
    } - {"predict_folder"}


def _asked(client: Client, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    try:
        answer = getattr(client, name)(*arguments, **options)
        if hasattr(answer, "__next__"):
            list(answer)
    except ClientError:
        pass  # it is refused, whatever it is


def _route(method: str, path: str) -> Route:
    fitting = [
        route
        for route in (*_ROUTES, _OPENAPI)
        if route.method == method
        and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route.path.replace("{name:path}", "(.+)")), path)
    ]
    return min(fitting, key=lambda route: route.path.count("{"))


def test_every_route_has_a_method_and_every_method_a_route() -> None:
    asked: list[tuple[str, str]] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.path))
        return httpx.Response(404)

    assert set(_CALLS) == _methods()
    with mocked(refuse) as client:
        for name, calls in _CALLS.items():
            for arguments, options in calls:
                before = len(asked)
                _asked(client, name, arguments, options)
                assert len(asked) == before + 1, name
    assert {_route(*one).path for one in asked} == {route.path for route in (*_ROUTES, _OPENAPI)}
    assert {_route(*one) for one in asked} == {*_ROUTES, _OPENAPI}
