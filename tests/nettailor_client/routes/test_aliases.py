import json
from typing import Any

import httpx
import pytest

from nettailor_client.routes.aliases import Expected
from tests.nettailor_client.mocked import mocked

_MOVED = {"task": "t", "alias": "live", "before": 2, "after": 1, "at": "", "actor": "", "reason": ""}


@pytest.mark.parametrize(
    ("expected", "sent"), [("anything", {}), ("nothing", {"expected": None}), (3, {"expected": 3})]
)
def test_what_an_alias_is_expected_to_name(expected: Expected, sent: dict[str, Any]) -> None:
    bodies = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json=_MOVED)

    with mocked(answer) as client:
        client.promote("signs", "live", 2, expected=expected)
    assert bodies == [{"version": 2, "force": False, "reason": ""} | sent]
