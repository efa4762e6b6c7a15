"""The report of a version says which version it is, and what became of it."""

import re

import httpx
import pytest

from hosting.web.moments import moment
from registry.policy.policy import Policy
from registry.registry import Registry
from registry.versions.attachments import REPORT_HEADING
from tests.bundles import tiny_bytes

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("blobs"))


def publish(registry: Registry, seed: int, page: str) -> None:
    digest = registry.blobs.put(page.encode())
    registry.publish("signs", tiny_bytes(seed=seed), actor=HOSTILE, attachments={"report.html": digest})


def page(url: str, path: str) -> tuple[str, str]:
    answer = httpx.get(f"{url}/tasks/signs/{path}", trust_env=False).raise_for_status()
    return re.sub(r"<[^>]*>", "", answer.text), answer.headers["ETag"]


def test_number_date_aliases_and_checks_are_told(registry: Registry, url: str) -> None:
    for seed in (0, 1):
        publish(registry, seed, f"<h1>signs</h1>{REPORT_HEADING}{REPORT_HEADING}<p>made</p>")
        registry.promote("signs", "live", seed + 1, actor="me", reason=HOSTILE, default=Policy(max_drop=0.5))
    at = moment(registry.version_record("signs", 2).at)
    first, _ = page(url, "versions/1/report")
    live, tag = page(url, "report")
    assert live.startswith("signsVersion 2, published on ")
    assert f"published on {at} by &lt;script&gt;alert(1)&lt;/script&gt;; it is live now." in live
    assert re.search(r"UTC: live in place of version 1 \(max_drop: [^)]+\)\. Reason: &lt;script&gt;", live)
    assert first.startswith("signsVersion 1, published on ")
    assert "it is live now" not in first
    assert "in place of" not in first
    registry.promote("signs", "shown", 2, actor="me", reason="")
    again, other = page(url, "report")
    assert "it is live and shown now" in again
    assert other != tag


def test_who_has_it_as_it_is_is_not_sent_it_again(registry: Registry, url: str) -> None:
    publish(registry, 0, f"<p>{REPORT_HEADING}</p>")
    registry.promote("signs", "live", 1, actor="me", reason="")
    paths = ("versions/1/bundle", "versions/1/attachments/report.html", "versions/1/report", "report")
    with httpx.Client(base_url=f"{url}/tasks/signs/", trust_env=False) as http:
        for path in paths:
            tag = http.get(path).raise_for_status().headers["ETag"]
            same = http.get(path, headers={"If-None-Match": f'"other", {tag}'})
            assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
            assert http.get(path, headers={"If-None-Match": '"other"'}).content
        tag = http.get("report").headers["ETag"]
        registry.promote("signs", "shown", 1, actor="me", reason="")
        assert http.get("report", headers={"If-None-Match": tag}).status_code == 200


def test_a_page_without_the_mark_stays_as_it_is(registry: Registry, url: str) -> None:
    publish(registry, 0, "<p>of an older release</p>")
    answer = httpx.get(f"{url}/tasks/signs/versions/1/report", trust_env=False)
    assert answer.text == "<p>of an older release</p>"


def test_a_moment_is_told_in_utc() -> None:
    assert moment("2026-11-09T01:05:59.123+02:00") == "8 November 2026, 23:05 UTC"
