"""What is started by `python -m` tells what it is, and takes nothing else for a command to start."""

import subprocess
import sys

import pytest

from hosting.processes.usage import take_no_options
from tests.documented import ROOT

_MODULES = ("registry", "trainer", "trainer.worker", "trainer.heartbeat", "server", "deploy.grafana.build")


def _asked(monkeypatch: pytest.MonkeyPatch, *given: str) -> str | int | None:
    monkeypatch.setattr(sys, "argv", ["-m", *given])
    with pytest.raises(SystemExit) as ended:
        take_no_options("registry", "The registry.")
    return ended.value.code


def test_help_is_told_and_ends_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _asked(monkeypatch, "--help") == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: python -m registry\n\nThe registry.\n")
    assert "NETTAILOR_CONFIG" in text


def test_an_option_is_refused_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    said = str(_asked(monkeypatch, "--port", "1"))
    assert said == "error: python -m registry takes no options, and '--port 1' is one; --help says more"


def test_without_any_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["-m"])
    take_no_options("registry", "The registry.")


@pytest.mark.nightly  # each imports torch or a web framework
@pytest.mark.parametrize("module", _MODULES)
def test_modules(module: str) -> None:
    for given, status in (("--help", 0), ("--nonsense", 1)):
        command = [sys.executable, "-m", module, given]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)
        assert ended.returncode == status, ended.stderr
        assert len(ended.stderr.splitlines()) == status
        assert ended.stdout.startswith(f"usage: python -m {module}\n" if status == 0 else "")
