"""The commands for one job, against a real service."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.demo.data import write_signs
from cli.errors import RequestRefused
from cli.main import app
from cli.service.client import Client


def _run(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_cancel_logs_and_retry(service: str, tmp_path: Path) -> None:
    archive = tmp_path / "more.zip"
    write_signs(archive, train=10, test=2)
    with Client(service) as client:
        job = str(client.upload("to-cancel", archive, options={"preset": "fast"})["id"])
    assert "normal" in _run("jobs", "--url", service)
    assert _run("cancel", job, "--url", service) == f"job {job} is cancelled\n"
    text = _run("logs", job, "--follow", "--url", service)
    assert "state: state=queued attempt=0" in text
    assert "state=cancelled" in text.splitlines()[-1]
    assert _run("logs", job, "--tail", "1", "--url", service) == text.splitlines(keepends=True)[-1]
    assert _run("retry", job, "--url", service) == f"job {job} is queued\n"
    assert _run("cancel", job, "--url", service) == f"job {job} is cancelled\n"
    with Client(service) as client, pytest.raises(RequestRefused, match="404"):
        list(client.logs("nothing"))
