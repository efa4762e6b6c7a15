import httpx
import pytest
from fastapi import FastAPI

from hosting.web.entity_tags import KnownTags, unchanged
from tests.serving import served

OWN = {"ETag": '"sha256:abc"', "X-Task-Version": "3"}
WEAK = {"ETag": 'W/"sha256:abc-onnx-fp32"'}


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        (OWN, ['"sha256:abc"']),
        (OWN, ['W/"sha256:abc"']),  # as proxies make it that compress
        (OWN, ['"other", "sha256:abc"']),
        (OWN, ['"other"', '"sha256:abc"']),  # two lines of the header
        (OWN, [" * "]),
        (WEAK, ['W/"sha256:abc-onnx-fp32"']),
        (WEAK, ['"a,b","sha256:abc-onnx-fp32"']),
    ],
)
def test_who_knows_the_tag_is_told_so(headers: dict[str, str], known: list[str]) -> None:
    answer = unchanged(headers, known)
    assert answer is not None
    assert (answer.status_code, answer.body) == (304, b"")
    assert {name: answer.headers[name] for name in headers} == headers


@pytest.mark.parametrize(
    "known", [None, [], [""], ["sha256:abc"], ['"sha256:ab"'], ['"sha256:abcd"'], ['"*"'], ['"sha256:ABC"'], ['W/"']]
)
def test_who_does_not_is_answered(known: list[str] | None) -> None:
    assert unchanged(OWN, known) is None


def test_all_lines_of_the_header_count_and_generators_of_clients_see_a_text() -> None:
    app = FastAPI()

    @app.get("/")
    def read(known: KnownTags) -> list[str]:
        return known

    tags = ['"a"', '"b", "c"']
    with served(app) as url:
        given = httpx.get(url, headers=[("If-None-Match", tag) for tag in tags], trust_env=False)
        assert given.json() == tags
        assert httpx.get(url, trust_env=False).json() == []
    (described,) = app.openapi()["paths"]["/"]["get"]["parameters"]
    assert (described["name"], described["in"], described["required"]) == ("If-None-Match", "header", False)
    assert {"type": "string"} in described["schema"]["anyOf"]
