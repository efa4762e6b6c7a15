"""The commands, as a user types them, against a real service."""

import getpass
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.demo.signs import draw_sign
from cli.main import Method, app
from nettailor.bundle import manifest
from nettailor_client import Client
from tests.documented import ROOT

_COMMANDS = (
    "up",
    "tailor",
    "inspect",
    "predict",
    "tasks",
    "jobs",
    "finish",
    "cancel",
    "retry",
    "logs",
    "demo",
    "profile",
    "export",
    "registry",
    "keys",
)


def test_tailor_knows_every_method() -> None:
    assert {str(method) for method in Method} == set(get_args(manifest.Method))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "sign.png"
    draw_sign("stop", np.random.default_rng(0)).save(path)
    return path


def _run(*arguments: str, columns: int = 200) -> str:
    result = CliRunner(env={"COLUMNS": str(columns)}).invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_help_names_every_command() -> None:
    text = _run("--help")
    for command in _COMMANDS:
        assert command in text


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_explains_itself_within_80_columns(command: str) -> None:
    text = _run(command, "--help", columns=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "Usage: " in text
    assert "--help" in text


def test_the_installed_command_answers() -> None:
    command = [sys.executable, "-m", "cli", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "nettailor" in result.stdout


def test_the_version() -> None:
    assert _run("--version") == f"nettailor {version('nettailor-server')}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_options(shell: str) -> None:
    typed = {"_TYPER_COMPLETE_ARGS": "nettailor registry ro", "COMP_WORDS": "nettailor registry ro", "COMP_CWORD": "2"}
    told = {**typed, "_TYPER_COMPLETE_FISH_ACTION": "get-args", "_NETTAILOR_COMPLETE": f"complete_{shell}"}
    result = CliRunner(env=told).invoke(app, [], prog_name="nettailor")
    assert "rollback" in result.output


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(["jbos"], "jobs"), (["registry", "promot"], "promote"), (["predict", "signs", "--top-kk", "3"], "--top-k")],
)
def test_what_is_mistyped_gets_a_suggestion(typed: list[str], meant: str) -> None:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, typed)
    assert result.exit_code == 2
    assert meant in result.stderr.split("No such ")[1]


def test_the_history_names_whoever_is_logged_in(service: str) -> None:
    _run("registry", "promote", "signs", "1", "--alias", "logged-in", "--url", service)
    with Client(service) as client:
        assert client.history("signs")[-1].actor == getpass.getuser()


def test_tasks(service: str) -> None:
    text = _run("tasks", "--url", service)
    assert "signs" in text
    assert "live -> 1" in text


def test_jobs(service: str) -> None:
    shown = _run("jobs", "--url", service)
    assert shown == "no jobs\n" or "state" in shown


def test_predict_shows_a_table(service: str, image: Path) -> None:
    text = _run("predict", "signs", str(image), str(image), "--top-k", "3", "--url", service)
    assert text.count("sign.png") == 2
    assert text.count("class ") == 6
    assert "signs v1" in text


def test_predict_finds_the_service_by_its_folder_and_prints_json(service: str, data_dir: Path, image: Path) -> None:
    lines = _run("predict", "signs@live", str(image), "--json", "--data-dir", str(data_dir)).splitlines()
    (answer,) = map(json.loads, lines)
    assert (answer["task"], answer["version"]) == ("signs", 1)
    assert len(answer["predictions"][0]) == 1


def test_predict_goes_on_past_a_bad_file_and_says_so(service: str, image: Path) -> None:
    """A folder with one image and one file that is none, asked about by alias, by number and by version."""
    image.with_name("bad.png").write_bytes(b"no image")
    for task in (["signs@1"], ["signs@live"], ["signs", "--version", "1"]):
        arguments = ["predict", *task, str(image.parent), "--json", "--url", service]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 3, result.output
        bad, good = map(json.loads, result.stdout.splitlines())
        assert (Path(bad["file"]).name, list(bad)) == ("bad.png", ["file", "error"])
        assert (good["file"], good["version"], len(good["predictions"])) == (str(image), 1, 1)
    shown = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["predict", "signs", str(image.parent), "--url", service])
    assert (shown.exit_code, "bad.png: " in shown.stderr, "signs v1" in shown.stdout) == (3, True, True)
    missing = CliRunner().invoke(app, ["predict", "signs@9", str(image), "--url", service])
    assert (missing.exit_code, "no version 9" in missing.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict", "sings", "IMAGE", "--url", "SERVICE"], "did you mean 'signs'?"),
        (["tailor", "IMAGE", "--task", "x", "--url", "SERVICE"], "not a zip"),
        (["tailor", "/nowhere", "--task", "x", "--url", "SERVICE"], "no such file"),
        (["tasks", "--url", "http://127.0.0.1:9"], "nettailor up"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_goes_wrong_is_one_line(service: str, image: Path, arguments: list[str], said: str) -> None:
    filled = [{"IMAGE": str(image), "SERVICE": service}.get(word, word) for word in arguments]
    result = CliRunner(env={"COLUMNS": "80"}).invoke(app, filled)
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1


def test_a_demo_needs_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    result = CliRunner().invoke(app, ["demo", "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert "not empty" in result.stderr
