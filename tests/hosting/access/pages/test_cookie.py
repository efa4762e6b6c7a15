"""The cookie that opens the pages which a page links to."""

from pathlib import Path

import pytest
from starlette.datastructures import Headers

from hosting.access.key_file import add_key
from hosting.access.keys import Key, Keyring, new_key
from hosting.access.pages.cookie import opened_tasks, page_cookie
from hosting.access.pages.links import LINK_SECONDS, Links


class Clock:
    now = 1_000_000.5

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def key() -> Key:
    return new_key("ann", ["read"])[0]


@pytest.fixture
def keyring(tmp_path: Path, key: Key) -> Keyring:
    add_key(tmp_path / "keys.json", key)
    return Keyring(tmp_path / "keys.json")


def test_it_is_good_for_its_task_as_long_as_the_link_is(key: Key, keyring: Keyring) -> None:
    clock = Clock()
    links = Links(lambda: b"s" * 32, clock=clock)
    token = links.sign("/tasks/signs/report", key).url.partition("token=")[2]
    clock.now += LINK_SECONDS / 2
    sent = page_cookie(links, token, "signs", key).decode().partition(";")[0]
    assert dict(opened_tasks(Headers({"cookie": f"a=b; {sent}"}), links, keyring)) == {"signs": key}
    clock.now += LINK_SECONDS / 2
    assert not list(opened_tasks(Headers({"cookie": sent}), links, keyring))


@pytest.mark.parametrize("change", [("-signs=", "-birds="), ("-signs=", "-=")])
def test_what_is_changed_opens_nothing(key: Key, keyring: Keyring, change: tuple[str, str]) -> None:
    links = Links(lambda: b"s" * 32, clock=Clock())
    token = links.sign("/tasks/signs/report", key).url.partition("token=")[2]
    sent = page_cookie(links, token, "signs", key).decode().partition(";")[0]
    assert sent.replace(*change) != sent
    opened = dict(opened_tasks(Headers({"cookie": sent.replace(*change)}), links, keyring))
    assert "birds" not in opened
    assert change == ("=ntl_", "=") or not opened


def test_a_token_of_a_page_is_no_cookie(key: Key, keyring: Keyring) -> None:
    links = Links(lambda: b"s" * 32, clock=Clock())
    token = links.sign("/tasks/signs/report", key).url.partition("token=")[2]
    assert not list(opened_tasks(Headers({"cookie": f"nettailor-page-signs={token}"}), links, keyring))
