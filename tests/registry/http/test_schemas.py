"""What could not be read back is refused at the door, with an answer that can be written down itself."""

import httpx
import pytest

from registry.registry import Registry
from tests.registry.published import publish

_HALF = r'"\ud800"'
_LONG = "1" + "0" * 400


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "versions/1", f'{{"note": {_HALF}}}'),
        ("PATCH", "versions/1", r'{"note": "a\u0000b"}'),
        ("PATCH", "versions/1", f'{{"tags": {{"stage": {_HALF}}}}}'),
        ("PATCH", "versions/1", f'{{"tags": {{{_HALF}: "x"}}}}'),
        ("PUT", "aliases/live", f'{{"version": 1, "reason": {_HALF}}}'),
        ("PUT", "aliases/live", f'{{"version": {_LONG}}}'),
        ("PUT", "aliases/live", f'{{"version": 1, "expected": {_LONG}}}'),
        ("POST", "rollback", f'{{"alias": {_HALF}}}'),
        ("POST", "rollback", f'{{"reason": {_HALF}}}'),
        ("PUT", "policy", f'{{"reason": {_HALF}}}'),
        ("PUT", "policy", f'{{"max_macs": {_LONG}}}'),
        ("PUT", "policy", f"{{{_HALF}: 1}}"),
        ("DELETE", "policy?reason=a%00b", ""),
        ("DELETE", "versions/1?reason=a%00b", ""),
        ("POST", "versions?note=a%00b", ""),
    ],
)
def test_text_and_numbers_that_no_reader_takes(
    registry: Registry, http: httpx.Client, method: str, path: str, body: str
) -> None:
    publish(registry, 0.9)
    before = registry.history("signs")
    headers = {"content-type": "application/json"} if body else {}
    answer = http.request(method, f"/tasks/signs/{path}", content=body.encode() or None, headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.json()["status"] == 422
    assert registry.history("signs") == before
