"""Imports run downwards only, nothing below the top knows the web, and nothing works at import."""

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *command], cwd=_ROOT, capture_output=True, text=True, check=False)


def test_the_contracts_of_import_linter_hold() -> None:
    result = _run("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    "module",
    [
        "registry.http.app",
        "registry.wiring",
        "nettailor.bundle.bundle",
        "nettailor.architecture.plan",
        "cli.main",
        "trainer.http.app",
    ],
)
def test_importing_does_not_load_torch(module: str) -> None:
    """The command answers `--help` at once, and the registry runs where torch is not installed."""
    result = _run("-c", f"import sys, {module}; sys.exit('torch' in sys.modules)")
    assert result.returncode == 0, f"{module} imports torch\n{result.stderr}"
