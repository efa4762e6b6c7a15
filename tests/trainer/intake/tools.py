"""Real annotation tools, each at a pinned version in a virtual environment of its own."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_INSTALL_S, _RUN_S = 900, 300


@dataclass(frozen=True, kw_only=True)
class Tool:
    python: Path

    def run(self, script: str, *arguments: str) -> None:
        """Run a script that may import the tool."""
        _run([str(self.python), "-c", script, *arguments], _RUN_S)

    @staticmethod
    def files(folder: Path) -> dict[str, bytes]:
        """What the tool wrote, by the path below the folder."""
        paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def tool(folder: Path, requirement: str) -> Tool:
    """Install the requirement ("datumaro==1.13.12") below ``folder``."""
    _run([sys.executable, "-m", "venv", str(folder / "venv")], _INSTALL_S)
    python = folder / "venv" / "bin" / "python"
    _run([str(python), "-m", "pip", "install", "--quiet", requirement], _INSTALL_S)
    return Tool(python=python)


def _run(command: list[str], timeout_s: int) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
