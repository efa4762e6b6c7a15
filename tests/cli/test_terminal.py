"""The tables of the main commands on a real terminal of 80 columns, in whose place a file or a pipe says nothing of the
width."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

from tests.trainer.archives import picture

_COLUMNS, _LINES = 80, 50
_MARK = "<<next>>"
# One process for all commands: what takes time is the start.
_PROGRAM = f"""
import json, sys
from cli.main import app
for arguments in json.loads(sys.argv[1]):
    app(arguments, standalone_mode=False)
    print({_MARK!r}, flush=True)
"""


def in_a_terminal(commands: Sequence[Sequence[str]]) -> list[str]:
    """What each of the commands shows there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, json.dumps(commands)],
        env=environment | {"TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = bytearray()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            while part := terminal.read(65536):
                shown += part
        except OSError:  # how Linux says that the other end is closed
            pass
    assert process.wait() == 0, shown.decode()
    return shown.decode().split(_MARK)[:-1]


def test_what_is_shown_fits_a_terminal_of_80_columns(service: str, data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "a-photograph-with-a-long-name.png").write_bytes(picture(0, side=32))
    at = ["--url", service]
    commands = {
        "tasks": (["tasks", *at], "signs"),
        "jobs": (["jobs", *at], "jobs"),
        "versions": (["registry", "versions", "signs", *at], "live"),
        "history": (["registry", "history", "signs", *at], "live"),
        "show": (["registry", "show", "signs", "1", *at], "signs version 1"),
        "policy": (["registry", "policy", "signs", *at], "signs"),
        "verify": (["registry", "verify", "--data-dir", str(data_dir)], "0 faults"),
        "predict": (["predict", "signs", str(tmp_path), "--top-k", "3", *at], "long-name.png"),
    }
    screens = in_a_terminal([arguments for arguments, _ in commands.values()])
    assert any("\x1b[" in screen for screen in screens), "colours: it is a terminal"
    for (name, (_, part)), screen in zip(commands.items(), screens, strict=True):
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen).replace("\r\n", "\n").replace("\r", "\n")
        assert part.replace(" ", "") in re.sub(r"\s", "", text.lower()), name  # wherever a long path is folded
        assert not [line for line in text.splitlines() if len(line) > _COLUMNS], name
