"""Links: what a token is good for, and what it is not."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from hosting.access.key_file import add_key
from hosting.access.keys import Key, Keyring, new_key
from hosting.access.pages.links import LINK_SECONDS, Links, token_in
from hosting.errors import LinkExpired, LinkInvalid

PAGE = "/tasks/signs/report"
NAME = "ann.of-a+b@c"


class Clock:
    now = 1_000_000.5

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def key() -> Key:
    return new_key(NAME, ["read"])[0]


@pytest.fixture
def keyring(tmp_path: Path, key: Key) -> Keyring:
    add_key(tmp_path / "keys.json", key)
    return Keyring(tmp_path / "keys.json")


def links(clock: Clock, secret: bytes = b"s" * 32) -> Links:
    return Links(lambda: secret, clock=clock)


def token_of(url: str) -> str:
    (token,) = parse_qs(urlsplit(url).query)["token"]
    return token


def test_a_link_is_of_the_key_that_made_it(keyring: Keyring, key: Key) -> None:
    link = links(Clock()).sign(PAGE, key)
    assert urlsplit(link.url).path == PAGE
    assert links(Clock()).holder(token_of(link.url), PAGE, keyring) == key
    assert link.expires_at == 1_000_000 + LINK_SECONDS


def test_it_opens_no_other_page(keyring: Keyring, key: Key) -> None:
    token = token_of(links(Clock()).sign(PAGE, key).url)
    for other in ("/", "/tasks/birds/report", f"{PAGE}/", "/tasks/signs/versions/1/report"):
        with pytest.raises(LinkInvalid):
            links(Clock()).holder(token, other, keyring)


def test_it_is_good_for_some_minutes(keyring: Keyring, key: Key) -> None:
    clock = Clock()
    token = token_of(links(clock).sign(PAGE, key).url)
    clock.now += LINK_SECONDS - 1
    links(clock).holder(token, PAGE, keyring)
    clock.now += 1
    with pytest.raises(LinkExpired):
        links(clock).holder(token, PAGE, keyring)


def test_it_ends_with_its_key(tmp_path: Path, key: Key) -> None:
    """Also where the name goes on with another secret."""
    token = token_of(links(Clock()).sign(PAGE, key).url)
    add_key(tmp_path / "other.json", new_key("another", ["read"])[0])
    add_key(tmp_path / "renewed.json", new_key(NAME, ["read"])[0])
    for file in ("other.json", "renewed.json"):
        with pytest.raises(LinkInvalid):
            links(Clock()).holder(token, PAGE, Keyring(tmp_path / file))


def test_the_file_of_keys_is_not_enough_to_make_one(keyring: Keyring, key: Key) -> None:
    token = token_of(links(Clock(), secret=key.sha256.encode()).sign(PAGE, key).url)
    with pytest.raises(LinkInvalid):
        links(Clock()).holder(token, PAGE, keyring)


@pytest.mark.parametrize(
    "change",
    [
        lambda expires, signature, name: f"ntl_{int(expires) + 1}.{signature}.{name}",
        lambda expires, signature, name: f"ntl_{expires}..{name}",
        lambda expires, signature, name: f"ntl_{expires}.{signature}.root",
        lambda expires, signature, name: f"ntl_{expires}.{signature[:-1]}.{name}",
        lambda expires, signature, name: f"ntl_.{signature}.{name}",
        lambda expires, signature, name: f"ntl_-1.{signature}.{name}",
        lambda expires, signature, name: f"ntl_{'9' * 20}.{signature}.{name}",
        lambda expires, signature, name: f"ntl_{expires}.é.{name}",
        lambda expires, signature, name: "ntl_",
        lambda expires, signature, name: "",
    ],
)
def test_what_is_changed_opens_nothing(keyring: Keyring, key: Key, change: object) -> None:
    expires, signature, name = token_of(links(Clock()).sign(PAGE, key).url).removeprefix("ntl_").split(".", 2)
    assert callable(change)
    with pytest.raises(LinkInvalid):
        links(Clock()).holder(change(expires, signature, name), PAGE, keyring)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (b"", (None, b"")),
        (b"tail=3", (None, b"tail=3")),
        (b"tail=3&token=ntl_1.a.b%2Bc", ("ntl_1.a.b+c", b"tail=3")),
        (b"token=a&token=b", (None, b"")),
        (b"other=token", (None, b"other=token")),
    ],
)
def test_handlers_see_no_token(query: bytes, found: tuple[str | None, bytes]) -> None:
    assert token_in(query) == found
