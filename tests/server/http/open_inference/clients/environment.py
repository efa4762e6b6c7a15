"""Environments of other people's clients: made once for a checkout, in `.cache`, with pinned versions."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.documented import ROOT

_CACHE = ROOT / ".cache" / "clients"
_INSTALL_S, _RUN_S = 900, 300


def environment(name: str, requirements: Sequence[str]) -> Path:
    """The interpreter of an environment that has exactly what these pull in."""
    folder = _CACHE / name
    wanted, whole = "\n".join(requirements), folder / "requirements.txt"  # written last
    python = folder / "bin" / "python"
    if not whole.exists() or whole.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, timeout=_INSTALL_S)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *requirements], check=True, timeout=_INSTALL_S)
        whole.write_text(wanted)
    return python


def told(python: Path, script: str, *arguments: str) -> dict[str, Any]:
    """What a script beside this file prints as JSON, run by that interpreter."""
    path = Path(__file__).with_name(script)
    command = [str(python), "-I", str(path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_RUN_S, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
