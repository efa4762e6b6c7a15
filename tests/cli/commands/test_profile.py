import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from nettailor.architecture.geometry import geometry
from nettailor.complexity.counting import measured_path_costs
from server.kernels import device
from tests.server.int8_machine import needs_int8


def test_profile_prints_a_table_and_writes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NETTAILOR_DTYPE", "bfloat16")
    result = CliRunner(env={"COLUMNS": "140"}).invoke(app, ["profile", "--rounds", "1", "--images", "2"])
    assert result.exit_code == 0, result.output
    path = tmp_path / "costs-mini26-32.json"
    assert measured_path_costs(geometry("mini26"), path).blocks
    written = json.loads(path.read_text())
    assert (written["side"], written["images"], written["dtype"]) == (32, 2, "bfloat16")
    assert f"written to {path.name}" in result.stdout
    assert f"{written['blocks']['12']:.4f}" in result.stdout
    assert "rounds" in result.stderr
    assert "rounds" not in result.stdout


@needs_int8
def test_what_an_int8_server_runs_is_measured_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NETTAILOR_DTYPE", "int8")
    result = CliRunner(env={"COLUMNS": "140"}).invoke(app, ["profile", "--rounds", "1", "--images", "2"])
    assert result.exit_code == 0, result.output
    assert "batches of 2, cpu, int8" in result.stdout
    assert json.loads((tmp_path / "costs-mini26-32.json").read_text())["dtype"] == "int8"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--backbone", "alexnet"], "unknown backbone 'alexnet'"),
        (["--out", "/nowhere/costs.json"], "/nowhere/costs.json: No such file"),
    ],
)
def test_what_goes_wrong_is_one_line(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["profile", *arguments])
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_machine_without_int8_is_told_in_a_line_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NETTAILOR_DTYPE", "int8")
    monkeypatch.setattr(device, "why_not", lambda: "the processor is old")
    result = CliRunner(env={"COLUMNS": "140"}).invoke(app, ["profile"])
    assert result.stderr == "error: cannot profile: NETTAILOR_DTYPE=int8 is not possible here: the processor is old\n"
    assert list(tmp_path.iterdir()) == []
