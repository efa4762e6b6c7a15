"""What a real registry does not show: tests/registry/http asks one through the same client."""

import hashlib
import json
from typing import Any

import httpx
import pytest

from cli.errors import AnswerCorrupt
from cli.service.client import Client
from cli.service.version_requests import Expected

_DIGEST = f"sha256:{hashlib.sha256(b'promised').hexdigest()}"


def _client(content: bytes) -> Client:
    answer = httpx.Response(200, content=content, headers={"ETag": f'"{_DIGEST}"'})
    return Client("http://service", transport=httpx.MockTransport(lambda request: answer))


def test_bytes_that_changed_on_the_way_are_not_handed_out() -> None:
    with _client(b"promised") as client:
        assert client.bundle("signs", 1) == client.attachment("signs", 1, "report.html") == b"promised"
    with _client(b"changed") as client:
        with pytest.raises(AnswerCorrupt, match=_DIGEST):
            client.bundle("signs", 1)
        with pytest.raises(AnswerCorrupt, match=_DIGEST):
            client.attachment("signs", 1, "report.html")


@pytest.mark.parametrize(
    ("expected", "sent"), [("anything", {}), ("nothing", {"expected": None}), (3, {"expected": 3})]
)
def test_what_an_alias_is_expected_to_name(expected: Expected, sent: dict[str, Any]) -> None:
    bodies = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json={})

    with Client("http://service", transport=httpx.MockTransport(answer)) as client:
        client.promote("signs", "live", 2, expected=expected)
    assert bodies == [{"version": 2, "force": False, "reason": ""} | sent]
