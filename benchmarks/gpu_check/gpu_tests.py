"""The tests that need a GPU, on a machine with little but PyTorch and pytest."""

import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


def files() -> list[Path]:
    """Named one by one: collecting the others wants what this project installs, and so do their conftest.py files."""
    return sorted(path for path in (_ROOT / "tests").rglob("test_*.py") if "pytest.mark.gpu," in path.read_text())


def run(*, timeout_s: float) -> dict[str, Any]:
    """Status of pytest and its last line; 124 where it took too long."""
    command = [sys.executable, "-m", "pytest", "--noconftest", "-m", "gpu", "-rs", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, *map(str, files())], cwd=_ROOT, timeout=timeout_s, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired as late:
        print(late.stdout, late.stderr, file=sys.stderr)
        return {"status": 124, "summary": f"not done after {timeout_s:.0f} s"}
    print(done.stdout, done.stderr, file=sys.stderr)
    return {"status": done.returncode, "summary": (done.stdout.strip().splitlines() or [""])[-1]}
