"""The pages of the API: whole where there is no net, and seen by a real browser."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from hosting.settings.settings import Settings
from registry.http.app import create_app
from registry.registry import Registry
from tests.serving import served

PAGES = ("/docs", "/redoc")
SHOWN = "/tasks/{task}/rollback"  # one of the routes that a page lists


@pytest.fixture
def url(registry: Registry) -> Iterator[str]:
    with served(create_app(registry, Settings())) as url:
        yield url


def references(page: str) -> list[str]:
    return re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)["']""", page)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_made_of_files_of_ours(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} <= set(policy)
    (scripts,) = [directive for directive in policy if directive.startswith("script-src ")]
    assert re.fullmatch(r"script-src 'self'( 'sha256-[\w+/=]+')*", scripts)
    assert scripts.count("sha256") == answer.text.count("<script>"), "each script in the page, and no other"
    named = references(answer.text)
    assert len(named) >= 3, "a script, an icon, the description of the API"
    for reference in named:
        assert not urlsplit(reference).netloc, reference
        assert http.get(f"/{reference}").status_code == 200, reference


def browsed(url: str, folder: Path) -> tuple[str, set[str]]:
    """The page as a browser builds it, and the hosts that it made the browser ask."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium here")
    log = folder / "net.json"
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}", f"--log-net-log={log}"]
    command = [browser, *options, "--virtual-time-budget=20000", "--dump-dom", url]
    page = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    events = json.loads(log.read_text())["events"]
    parameters = [event.get("params", {}) for event in events]
    own = urlsplit(url).netloc
    asked = [each for each in parameters if "url" in each and own in str(each.get("initiator", ""))]
    assert any(urlsplit(each["url"]).path.endswith(".js") for each in asked), "the log tells what the page asks for"
    return page, {urlsplit(str(each["url"])).netloc for each in asked}


@pytest.mark.nightly
@pytest.mark.parametrize("path", PAGES)
def test_a_browser_shows_it_and_asks_nobody_else(url: str, tmp_path: Path, path: str) -> None:
    page, hosts = browsed(f"{url}{path}", tmp_path)
    assert SHOWN.replace("/", "") in re.sub(r"<[^>]*>|/|\u200b", "", page)
    assert hosts == {urlsplit(url).netloc}
