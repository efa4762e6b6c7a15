"""Files kept beside a version's bundle."""

import httpx
import pytest
import redis

from nettailor_client import Client
from nettailor_client.errors import RequestRefused
from registry.errors import AttachmentsTooMany, BlobMissing, NameInvalid
from registry.registry import Registry
from registry.versions.attachments import ATTACHMENT_LIMIT
from tests.bundles import tiny_bytes

PAGE = b"<!doctype html><script>alert(1)</script>"


def publish(registry: Registry, seed: int = 0, **attachments: bytes) -> dict[str, str]:
    """A version of `signs`; what the names' digests are."""
    digests = {name.replace("__", "."): registry.blobs.put(data) for name, data in attachments.items()}
    registry.publish("signs", tiny_bytes(seed=seed), actor="me", attachments=digests)
    return digests


def test_they_come_back_over_http_and_run_nothing(registry: Registry, client: Client, url: str) -> None:
    digests = publish(registry, report__html=PAGE, curve__png=b"png")
    registry.promote("signs", "live", 1, actor="me", reason="")
    assert client.version("signs", 1).attachments == client.lineage("signs", 1).attachments == digests
    assert client.attachment("signs", 1, "curve.png") == b"png"
    with httpx.Client(base_url=url, trust_env=False) as http:
        for path in ("versions/1/report", "report", "versions/1/attachments/report.html"):
            answer = http.get(f"/tasks/signs/{path}")
            assert answer.content == PAGE
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert answer.headers["ETag"] == f'"{digests["report.html"]}"'
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "sandbox" in policy
            assert "script-src" not in policy


def test_what_is_not_there_is_a_404_of_its_own(registry: Registry, client: Client, url: str) -> None:
    publish(registry)
    with pytest.raises(RequestRefused, match=r"version 1 of task 'signs' has no attachment 'a/b\.png'"):
        client.attachment("signs", 1, "a/b.png")
    with httpx.Client(base_url=url, trust_env=False) as http:
        assert http.get("/tasks/signs/versions/1/report").json()["type"].endswith(":attachment-unknown")
        assert http.get("/tasks/signs/report").status_code == 404  # no version is live
        assert http.get("/tasks/signs/versions/1/attachments/..%2f..%2fx").status_code == 404


@pytest.mark.parametrize("name", ["", "../x", "a/../b", "/a", "a/", "A.png", "a\n", "a//b", "x" * 101])
def test_names_that_cannot_be_are_refused(registry: Registry, name: str) -> None:
    digest = registry.blobs.put(b"x")
    with pytest.raises(NameInvalid):
        registry.publish("signs", tiny_bytes(), actor="me", attachments={name: digest})
    assert registry.tasks() == []


def test_blobs_that_are_not_there_and_too_many_are_refused(registry: Registry) -> None:
    with pytest.raises(BlobMissing):
        registry.publish("signs", tiny_bytes(), actor="me", attachments={"a": f"sha256:{'0' * 64}"})
    digest = registry.blobs.put(b"x")
    many = {f"a{number}": digest for number in range(ATTACHMENT_LIMIT + 1)}
    with pytest.raises(AttachmentsTooMany):
        registry.publish("signs", tiny_bytes(), actor="me", attachments=many)
    assert registry.tasks() == []


def test_published_again_the_first_ones_stay(registry: Registry) -> None:
    digests = publish(registry, report__html=PAGE)
    publish(registry, report__html=b"another")
    assert registry.version_record("signs", 1).attachments == digests


def test_garbage_collection_spares_them_while_the_version_exists(registry: Registry) -> None:
    kept = publish(registry, report__html=PAGE)["report.html"]
    gone = publish(registry, seed=1, report__html=b"other")["report.html"]
    registry.delete_version("signs", 2, actor="me", reason="")
    collected = {blob.digest for blob in registry.collect_garbage(0).garbage}
    assert gone in collected
    assert kept not in collected


def test_verify_misses_them_and_rebuild_brings_them_back(registry: Registry, redis_client: "redis.Redis") -> None:
    digests = publish(registry, report__html=PAGE, curve__png=b"png")
    redis_client.flushall()
    registry.rebuild()
    assert registry.version_record("signs", 1).attachments == digests
    registry.blobs.delete(digests["curve.png"])
    (fault,) = registry.verify().faults
    assert (fault.kind, fault.where, fault.version) == ("missing", digests["curve.png"], 1)
    assert "curve.png" in fault.reason
