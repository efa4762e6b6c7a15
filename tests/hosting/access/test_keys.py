import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hosting.access.key_file import add_key
from hosting.access.keys import SCOPES, Keyring, Scope, hash_of, new_key, read_keys
from hosting.errors import KeyMissing, KeysInvalid, KeyUnknown

DIGEST = "a" * 64


@pytest.fixture(params=["keys.json", "keys.toml"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def test_a_new_key_opens_with_its_secret_and_nothing_else_does(path: Path) -> None:
    ann, secret = new_key("ann", ["read", "promote"], ["signs"])
    bob, other = new_key("bob", ["admin"])
    add_key(path, ann)
    add_key(path, bob)
    assert read_keys(path) == (ann, bob)
    assert secret not in path.read_text()
    keyring = Keyring(path)
    assert keyring.holder(f"Bearer {secret}") == ann
    assert keyring.holder(f"bearer  {other} ") == bob
    for wrong in (f"Bearer {secret[:-1]}", f"Bearer {secret}x", f"Bearer {ann.sha256}", "Bearer ä"):
        with pytest.raises(KeyUnknown):
            keyring.holder(wrong)
    for nothing in ("", "Bearer", "Bearer  ", f"Basic {secret}", secret):
        with pytest.raises(KeyMissing):
            keyring.holder(nothing)


def test_read_implies_predict_and_nothing_implies_anything_else() -> None:
    may = {held: {scope for scope in SCOPES if new_key("ann", [held])[0].may(scope)} for held in SCOPES}
    assert may == {held: {held} for held in SCOPES} | {"read": {"read", "predict"}}


def test_secrets_do_not_repeat() -> None:
    assert len({new_key("ann", ["read"])[1] for _ in range(100)}) == 100


def test_the_file_is_read_again_when_it_changes(path: Path) -> None:
    ann, first = new_key("ann", ["read"])
    add_key(path, ann)
    keyring = Keyring(path)
    bob, second = new_key("bob", ["read"])
    add_key(path, bob)
    assert keyring.holder(f"Bearer {second}") == bob
    path.unlink()
    add_key(path, bob)
    with pytest.raises(KeyUnknown):
        keyring.holder(f"Bearer {first}")


@pytest.mark.parametrize("slip", [b"not a file of keys", b"\xff\xfe", None])
def test_a_slip_while_running_locks_nobody_out(
    path: Path, slip: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    ann, secret = new_key("ann", ["read"])
    add_key(path, ann)
    keyring = Keyring(path)
    if slip is None:
        path.unlink()
    else:
        path.write_bytes(slip)
    assert [keyring.holder(f"Bearer {secret}") for _ in range(3)] == [ann] * 3
    assert caplog.text.count("going on with the keys read last") == 1


ENTRY = {"name": "ann", "sha256": DIGEST, "scopes": ["read"]}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "valid dictionary"),
        ({}, "keys"),
        ({"keys": [ENTRY | {"secret": "x"}]}, "secret"),
        ({"keys": [ENTRY | {"scopes": []}]}, "scopes"),
        ({"keys": [ENTRY | {"scopes": ["write"]}]}, "scopes"),
        ({"keys": [ENTRY | {"sha256": "A" * 64}]}, "sha256"),
        ({"keys": [ENTRY | {"name": "Ann Other"}]}, "name"),
        ({"keys": [ENTRY | {"tasks": []}]}, "tasks"),
        ({"keys": [ENTRY | {"tasks": ["*"]}]}, "tasks"),
        ({"keys": [ENTRY, ENTRY | {"sha256": "b" * 64}]}, "same name"),
        ({"keys": [ENTRY, ENTRY | {"name": "bob"}]}, "same sha256"),
    ],
)
def test_a_malformed_file_stops_the_start(tmp_path: Path, document: object, says: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(document))
    with pytest.raises(KeysInvalid, match=says) as caught:
        Keyring(path)
    assert caught.value.path == str(path)


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(KeysInvalid, match="No such file"):
        Keyring(tmp_path / "keys.json")


def test_a_new_file_is_for_its_user_alone_and_an_old_one_stays_as_it_is(path: Path) -> None:
    before = os.umask(0)
    try:
        add_key(path, new_key("ann", ["read"])[0])
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o640)  # for the group that a service runs as
        add_key(path, new_key("bob", ["read"])[0])
        assert path.stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


@pytest.mark.parametrize(("mode", "words"), [(0o660, "others may write"), (0o644, "everybody may read"), (0o640, None)])
def test_a_file_that_is_open_to_others_is_told_at_the_start(
    path: Path, caplog: pytest.LogCaptureFixture, mode: int, words: str | None
) -> None:
    add_key(path, new_key("ann", ["read"])[0])
    path.chmod(mode)
    Keyring(path)
    assert [words] == [line.rpartition(f" {path}")[0] for line in caplog.messages] if words else not caplog.messages


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_mark_at_the_beginning_is_no_part_of_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"keys{suffix}"
    add_key(path, new_key("ann", ["read"])[0])
    path.write_text(path.read_text(), encoding="utf-8-sig")
    add_key(path, new_key("bob", ["read"])[0])
    assert {key.name for key in read_keys(path)} == {"ann", "bob"}


def test_names_are_given_once(path: Path) -> None:
    add_key(path, new_key("ann", ["read"])[0])
    with pytest.raises(KeysInvalid, match="'ann' already"):
        add_key(path, new_key("ann", ["admin"])[0])


@pytest.mark.parametrize("name", ["", "a b", "ä", "-x", "a\n", "x" * 101])
def test_names_fit_into_a_header(name: str) -> None:
    with pytest.raises(ValidationError):
        new_key(name, ["read"])


@given(
    st.lists(st.sampled_from(SCOPES), min_size=1), st.lists(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True))
)
def test_entries_are_read_as_they_were_meant(scopes: list[Scope], tasks: list[str]) -> None:
    key, secret = new_key("ann", scopes, tasks)
    assert type(key).model_validate_json(json.dumps(key.entry())) == key
    assert key.sha256 == hash_of(secret)
