import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from hosting.access.key_file import add_key
from hosting.access.keys import Keyring, new_key, read_keys


def _new(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["keys", "new", *arguments])


@pytest.mark.parametrize("name", ["keys.json", "keys.toml"])
def test_a_key_goes_into_the_file_and_its_secret_to_stdout_alone(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    scopes = ["--scope", "read", "--scope", "publish"]
    result = _new("ann", *scopes, "--task", "signs", "--file", str(file))
    assert result.exit_code == 0, result.output
    secret = result.stdout.strip()
    (key,) = read_keys(file)
    assert key.entry() == {"name": "ann", "sha256": key.sha256, "scopes": ["publish", "read"], "tasks": ["signs"]}
    assert Keyring(file).holder(f"Bearer {secret}") == key
    assert secret not in result.stderr
    assert _new("bob", "--scope", "admin", "--file", str(file)).exit_code == 0
    assert [key.name for key in read_keys(file)] == ["ann", "bob"]


def test_without_a_file_the_entry_is_printed(tmp_path: Path) -> None:
    result = _new("ann", "--scope", "read")
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [json.loads(result.stderr.splitlines()[-1])]}))
    assert Keyring(file).holder(f"Bearer {result.stdout.strip()}").name == "ann"


def test_what_cannot_be_a_key_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    assert _new("ann", "--scope", "read", "--file", str(file)).exit_code == 0
    for arguments in (
        ["ann", "--file", str(file)],
        ["a b"],
        ["bob", "--task", "No"],
        ["bob", "--file", str(file / "x")],
    ):
        result = _new(*arguments, "--scope", "read")
        assert result.exit_code == 1, arguments
        assert result.stderr.startswith("error: no key was made: ")
        assert result.stdout == ""


@pytest.fixture(params=["keys.json", "keys.toml"])
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Of ann and anna, made by hand in so far as comments can be in it."""
    path: Path = tmp_path / request.param
    for name in ("ann", "anna"):
        assert _new(name, "--scope", "read", "--file", str(path)).exit_code == 0
    if path.suffix == ".toml":
        path.write_text("# ours" + path.read_text().replace("\n[[keys]]", "\n# of a person\n[[keys]]"))
    return path


def _keys(command: str, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, ["keys", command, *arguments])


def test_keys_are_listed(file: Path) -> None:
    text = _keys("list", "--file", str(file)).output
    for key in read_keys(file):
        assert key.name in text
        assert key.sha256[:12] in text
        assert key.sha256 not in text
    listed = json.loads(_keys("list", "--file", str(file), "--json").output)
    assert listed == [key.entry() for key in read_keys(file)]


@pytest.mark.parametrize(
    "arguments", [["list"], ["revoke", "ann"], ["rotate", "ann"], ["new", "eve", "--scope", "read"]]
)
def test_a_file_that_everybody_may_read_is_warned_of(file: Path, arguments: list[str]) -> None:
    assert "warning" not in _keys("list", "--file", str(file)).stderr
    file.chmod(0o644)
    said = _keys(*arguments, "--file", str(file)).stderr
    assert f"warning: everybody may read {file} (mode 644); close it: chmod 640 {file}" in said


def test_a_key_that_is_revoked_is_gone_and_the_rest_stays(file: Path) -> None:
    ann, anna = read_keys(file)
    assert _keys("revoke", anna.sha256[:12], "--file", str(file)).output == f"{file} has no key 'anna' any more\n"
    assert read_keys(file) == (ann,)
    if file.suffix == ".toml":
        assert file.read_text().startswith("# ours")
        assert file.read_text().count("# of a person") == 1
    refused = _keys("revoke", "anna", "--file", str(file))
    assert (refused.exit_code, refused.stderr) == (1, "error: no key is, or begins with, 'anna'\n")
    assert _keys("revoke", "ann", "--file", str(file)).exit_code == 0
    assert "no keys" in _keys("list", "--file", str(file)).output
    assert _new("bob", "--scope", "read", "--file", str(file)).exit_code == 0
    assert [key.name for key in read_keys(file)] == ["bob"]


def test_a_key_that_is_rotated_opens_with_the_new_secret_alone(file: Path) -> None:
    ann, anna = read_keys(file)
    keyring = Keyring(file)
    result = _keys("rotate", "ann", "--file", str(file))
    changed = keyring.holder(f"Bearer {result.stdout.strip()}")
    assert changed == ann.model_copy(update={"sha256": changed.sha256})
    assert read_keys(file) == (changed, anna)
    assert ann.sha256 not in file.read_text()
    ambiguous = _keys("rotate", "an", "--file", str(file))
    assert (ambiguous.exit_code, ambiguous.stderr) == (1, "error: more than one key begins with 'an': ann, anna\n")


def test_a_toml_file_of_another_form_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    keys = (f'{{name = "{name}", sha256 = "{digit * 64}", scopes = ["read"]}}' for name, digit in ("a0", "b1"))
    text = f"keys = [{', '.join(keys)}]\n"
    file.write_text(text)
    for command in ("revoke", "rotate"):
        result = _keys(command, "a", "--file", str(file))
        assert (result.exit_code, "make it by hand" in result.stderr) == (1, True)
    assert file.read_text() == text


def test_two_commands_at_once_lose_no_key(tmp_path: Path) -> None:
    file, start = tmp_path / "keys.json", threading.Barrier(8)

    def make(number: int) -> None:
        start.wait()
        add_key(file, new_key(f"k{number}", ["read"])[0])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(make, range(8)))
    assert sorted(key.name for key in read_keys(file)) == [f"k{number}" for number in range(8)]


def test_a_new_key_as_json() -> None:
    made = json.loads(_new("ann", "--scope", "read", "--json").stdout)
    assert made["entry"]["name"] == "ann"
    assert made["secret"].startswith("ntk_")


def test_commands_send_the_key_of_the_option_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/tasks":
            seen.append(request.headers.get("authorization"))
        return httpx.Response(200, json=[])

    class Plain(httpx.Client):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options | {"transport": httpx.MockTransport(answer)})

    monkeypatch.setattr("nettailor_client.client.httpx.Client", Plain)
    for arguments, environment in (([], {}), (["--key", "ntk_a"], {}), ([], {"NETTAILOR_KEY": "ntk_b"})):
        result = CliRunner(env=environment).invoke(app, ["tasks", "--url", "http://service", *arguments])
        assert result.exit_code == 0, result.output
    assert seen == [None, "Bearer ntk_a", "Bearer ntk_b"]
