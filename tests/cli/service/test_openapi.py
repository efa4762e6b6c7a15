"""The OpenAPI document of `nettailor up` says enough to generate a client from."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from hosting.access.body_limit import NO_BODY
from hosting.access.open_routes import OPEN_ROUTES
from hosting.access.route_table import Route
from hosting.redis_server.embedded import EmbeddedRedis
from registry.http.route_declarations import ADD_BACKBONE, LIST_BACKBONES
from registry.http.route_declarations import ROUTES as REGISTRY_ROUTES
from server.http.open_inference.route_declarations import ROUTES as OPEN_INFERENCE_ROUTES
from server.http.open_inference.route_declarations import SERVER_SLASH
from server.http.route_declarations import ROUTES as SERVER_ROUTES
from tests.openapi import FILE, document_of_all, of_the_proxy, written
from trainer.http.route_declarations import LIST_JOBS
from trainer.http.route_declarations import ROUTES as TRAINER_ROUTES

Json = Any

_OIP = "/v2"  # of the Open Inference Protocol, whose errors are of another kind
_ROUTES = [route for route in (*REGISTRY_ROUTES, *SERVER_ROUTES, *TRAINER_ROUTES) if not route.path.startswith(_OIP)]
_WITHOUT_BODY = ("finish", "cancel", "retry")  # what they do is in the path
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory, redis_server: EmbeddedRedis, backbone: str) -> Iterator[Json]:
    folder: Path = tmp_path_factory.mktemp("openapi")
    with document_of_all(folder, redis_server.url) as document:
        yield document


def test_that_of_the_proxy_is_the_same(document: Json) -> None:
    assert FILE.read_text() == written(of_the_proxy(document)), "run `make docs`"


def _operation(document: Json, route: Route) -> Json:
    return document["paths"][route.path.replace("{name:path}", "{name}")][route.method.lower()]


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", _ROUTES, ids=_name)
def test_every_route_has_its_body_answer_and_errors(document: Json, route: Route) -> None:
    operation = _operation(document, route)
    takes_body = route.body_limit != NO_BODY and route.path.rpartition("/")[2] not in _WITHOUT_BODY
    content = operation.get("requestBody", {}).get("content", {})
    assert bool(content) == takes_body
    assert all(kind["schema"] for kind in content.values())
    good = {status: answer for status, answer in operation["responses"].items() if status < "300"}
    assert good
    for status, answer in good.items():
        assert status == "204" or all(kind["schema"] for kind in answer["content"].values())
    bad = {status: answer["content"] for status, answer in operation["responses"].items() if status >= "400"}
    assert {"401", "403", "422", "429", "500", "503", "default"} <= bad.keys()
    names_something = "{" in route.path or route.is_prediction
    assert ("424" in bad) == (names_something or route is LIST_BACKBONES)
    assert ("404" in bad) == ((names_something or route is LIST_JOBS) and route is not ADD_BACKBONE)
    if "{job}" in route.path:  # the beginning of an id is enough, unless several begin so
        assert "409" in bad
    assert ({"408", "413", "415"} <= bad.keys()) == (route.body_limit != NO_BODY)
    assert all(content == _PROBLEM for content in bad.values())
    assert {"key": []} in operation["security"]
    for status, header in {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}.items():
        assert operation["responses"][status]["headers"][header] == {"$ref": f"#/components/headers/{header}"}
        assert document["components"]["headers"][header]["required"]


@pytest.mark.parametrize("route", [route for route in OPEN_INFERENCE_ROUTES if route is not SERVER_SLASH], ids=_name)
def test_the_open_inference_protocol_is_described_with_its_own_kind_of_errors(document: Json, route: Route) -> None:
    operation = _operation(document, route)
    assert ("requestBody" in operation) == (route.method == "POST")
    assert ("400" in operation["responses"]) == (route.method == "POST" or "{" in route.path)
    for status, answer in operation["responses"].items():
        kinds = {"application/octet-stream"} if status == "200" and route.is_prediction else set()
        assert answer["content"].keys() == {"application/json", *kinds}
        assert all(kind["schema"] for kind in answer["content"].values())


def test_bodies_and_answers_that_are_no_json(document: Json) -> None:
    content = {
        "/tasks/{task}/predict": "application/octet-stream application/json image/* multipart/form-data",
        "/tasks/{task}/dataset": "application/octet-stream multipart/form-data",
        "/tasks/{task}/versions": "application/octet-stream application/zip",
    }
    for path, kinds in content.items():
        assert document["paths"][path]["post"]["requestBody"]["content"].keys() == set(kinds.split())
    answers = {
        "/jobs/{job}/events": "text/event-stream",
        "/jobs/{job}/logs": "text/plain",
        "/jobs/{job}/dataset/contact-sheet": "image/jpeg",
        "/tasks/{task}/report": "text/html",
        "/tasks/{task}/versions/{version}/bundle": "application/octet-stream",
        "/tasks/{task}/versions/{version}/export": "application/octet-stream application/zip",
        "/tasks/{task}/versions/{version}/attachments/{name}": "application/octet-stream image/jpeg image/png "
        "text/html application/json",
        "/metrics": "text/plain",
    }
    for path, kinds in answers.items():
        assert list(document["paths"][path]["get"]["responses"]["200"]["content"]) == kinds.split()


def test_generated_names_are_the_handlers_and_each_is_one_operations(document: Json) -> None:
    names = [one["operationId"] for operations in document["paths"].values() for one in operations.values()]
    assert len(names) == len(set(names)) > 35
    assert {"predict", "upload_dataset", "list_jobs", "read_job", "list_tasks", "move_alias"} <= set(names)
    assert all(re.fullmatch("[a-z_]+", name) for name in names)


def test_the_page_lists_every_route_once(document: Json) -> None:
    """Swagger's page has a section for each tag, and in it every operation that has the tag."""
    tags = {
        one["operationId"]: one.get("tags", []) for of_path in document["paths"].values() for one in of_path.values()
    }
    assert {name: of_one for name, of_one in tags.items() if len(of_one) != 1} == {}
    assert tags["infer"] == ["open inference protocol"]


def test_every_list_is_an_array(document: Json) -> None:
    operations = [one for of_path in document["paths"].values() for one in of_path.values()]
    lists = [one for one in operations if one["operationId"].startswith("list_")]
    assert len(lists) >= 4
    for one in (*lists, document["paths"]["/tasks/{task}/history"]["get"]):
        assert one["responses"]["200"]["content"]["application/json"]["schema"]["type"] == "array"


@pytest.mark.nightly  # four seconds; by day test_every_route holds the answers against the document
def test_it_is_an_openapi_document(document: Json) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_whatever_the_document_refers_to_is_there(document: Json) -> None:
    referred = set(re.findall(r"'#/components/schemas/(\w+)'", str(document)))
    assert referred
    assert referred <= document["components"]["schemas"].keys()
    headers = set(re.findall(r"'#/components/headers/([\w-]+)'", str(document)))
    assert {"ETag", "Location", "Link", "X-Task-Version"} < headers == document["components"]["headers"].keys()
    assert "detail" in document["components"]["schemas"]["Problem"]["properties"]
    assert "HTTPValidationError" not in referred


def test_routes_that_need_no_key_say_none(document: Json) -> None:
    for route in OPEN_ROUTES:
        if route.path in document["paths"]:
            assert "security" not in _operation(document, route)
