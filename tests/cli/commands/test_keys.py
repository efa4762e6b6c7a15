import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from hosting.access.keys import Keyring, read_keys


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
