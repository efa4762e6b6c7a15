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


@pytest.mark.parametrize(
    ("method", "path", "field", "body"),
    [
        *(("PUT", "aliases/live", "version", f'{{"version": {odd}}}') for odd in ("true", "1.0", '"1"')),
        ("PUT", "aliases/live", "expected", '{"version": 1, "expected": true}'),
        ("PUT", "aliases/live", "force", '{"version": 1, "force": 1, "reason": "so"}'),
        ("PUT", "aliases/live", "reason", '{"version": 1, "reason": 5}'),
        ("POST", "rollback", "alias", '{"alias": 1}'),
        ("PUT", "policy", "min_accuracy", '{"min_accuracy": "0.5"}'),
        ("PUT", "policy", "max_macs", '{"max_macs": true}'),
        ("PUT", "policy", "allow_int8", '{"allow_int8": "no"}'),
        ("PATCH", "versions/1", "note", '{"note": 5}'),
        ("PATCH", "versions/1", "tags.stage", '{"tags": {"stage": 5}}'),
    ],
)
def test_a_value_of_another_type_is_not_guessed_from(
    registry: Registry, http: httpx.Client, *, method: str, path: str, field: str, body: str
) -> None:
    publish(registry, 0.9)
    before = registry.history("signs")
    headers = {"content-type": "application/json"}
    answer = http.request(method, f"/tasks/signs/{path}", content=body.encode(), headers=headers)
    assert answer.status_code == 422, answer.text
    assert {fault["where"] for fault in answer.json()["errors"]} == {f"body.{field}"}
    assert registry.history("signs") == before


def test_whole_numbers_are_shares_too(registry: Registry, http: httpx.Client) -> None:
    publish(registry, 0.9)
    answer = http.put("/tasks/signs/policy", json={"min_accuracy": 0, "max_macs": 1, "reason": "as far as it goes"})
    assert (answer.status_code, answer.json()["policy"]["max_macs"]) == (200, 1.0), answer.text


@pytest.mark.parametrize("actor", [""])
def test_an_actor_that_is_blank_is_none(registry: Registry, http: httpx.Client, actor: str) -> None:
    publish(registry, 0.9)
    answer = http.put("/tasks/signs/policy", json={}, headers={"X-Actor": actor})
    assert (answer.status_code, answer.json()["actor"]) == (200, "anonymous")
