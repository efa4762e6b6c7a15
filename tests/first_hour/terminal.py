"""A terminal of 80 columns, as a person sees it: tmux, a shell in it, and what stands on its screen."""

import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

COLUMNS = 80
_LINES = 50
_HISTORY = 20_000  # lines that can be scrolled back to
_LOOK_AGAIN_S = 0.3
_END = re.compile(r"^<<(\d+)>>$", re.MULTILINE)


class Terminal:
    """A context manager; the shell ends with it."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._name = f"nettailor-{name}"
        self._folder = folder
        self._environment = environment
        self._script = folder / f".{name}.sh"

    def __enter__(self) -> "Terminal":
        size = ["-x", str(COLUMNS), "-y", str(_LINES)]
        shell = ["env", "-i", *(f"{name}={value}" for name, value in self._environment.items()), "bash", "--norc"]
        self._tmux("new-session", "-d", "-s", "one", *size, "-c", str(self._folder), *shell)
        self._tmux("set-option", "-g", "history-limit", str(_HISTORY))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._tmux("kill-server")

    def run(self, command: str, *, patience_s: float) -> tuple[int, str]:
        """Its status, and what it left on the screen, lines as they are broken there."""
        self.start(f"{command}\nprintf '\\n<<%s>>\\n' \"$?\"")
        deadline = time.monotonic() + patience_s
        while (ended := _END.search(self.screen())) is None:
            assert time.monotonic() < deadline, f"{command!r} takes longer than {patience_s:.0f} s:\n{self.screen()}"
            time.sleep(_LOOK_AGAIN_S)  # between looks at the screen
        return int(ended[1]), self.screen()[: ended.start()]

    def start(self, script: str) -> None:
        """Run lines in the shell, which goes on to the next only when they are over."""
        self._tmux("send-keys", "-t", "one", "-R", "clear", "Enter")
        self._tmux("clear-history", "-t", "one")
        self._script.write_text(f"clear\n{script}\n")
        self._tmux("send-keys", "-t", "one", f"source {self._script.name}", "Enter")

    def interrupt(self) -> None:
        self._tmux("send-keys", "-t", "one", "C-c")

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "one", "-S", f"-{_HISTORY}")

    def broken_lines(self) -> list[str]:
        """Lines that are wider than the terminal, so that they go on in the next."""
        joined = self._tmux("capture-pane", "-p", "-J", "-t", "one", "-S", f"-{_HISTORY}")
        return [line for line in joined.splitlines() if len(line.rstrip()) > COLUMNS]

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-L", self._name, "-f", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
