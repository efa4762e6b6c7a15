"""The first hour of a user, nightly: a fresh clone, every command that README and docs print, line by line, in a
terminal of 80 columns; without keys, and the first ones again with keys; and every page, in a browser.

`NETTAILOR_SCREENSHOTS` names a folder that is to have the pictures of the pages and of the screens.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.first_hour.clone import environment, fresh_clone
from tests.first_hour.commands import PRINTED_URL, Command, commands
from tests.first_hour.terminal import Terminal
from tests.processes.ports import free_port
from tests.waiting import until

pytestmark = pytest.mark.nightly

IMAGES = 300
PATIENCE_S = 3600.0  # of a command: a tailoring on a busy machine
WIDTHS = {"desktop": 1200, "phone": 500}  # chromium's narrowest window
TABLES = ("nettailor tasks", "nettailor jobs", "nettailor registry versions birds")

# What the screen must show after a command, beside that it ends with 0.
SHOWN = {
    "make demo": r"student",
    "nettailor inspect photos/": r"class folders",
    "nettailor tailor photos/ --task birds": r"birds",
    "nettailor predict birds photo.jpg --top-k 3": r"ahead-only|no-entry|parking|priority-road|speed-limit|stop",
    "nettailor evaluate birds labelled/": r"60 images",
    "nettailor tasks": r"birds",
    "nettailor jobs": r"birds",
    "nettailor registry versions birds": r"live",
    "nettailor registry compare birds --versions 1,2": r"2",
    f"curl {PRINTED_URL}/metrics": r"nettailor_requests_total",
    f"curl {PRINTED_URL}/tasks": r"signs",
}

# What a command may say where it ends with 1, as what was trained may not be what the README has.
MAY_FAIL = {
    'nettailor registry promote birds 2 --reason "asked for by the field team"': r"min_accuracy|max_drop",
    "nettailor registry rollback birds": r"nothing",
    "nettailor registry front birds 1 --publish 6": r"no network|point",
}


@dataclass(frozen=True, kw_only=True)
class World:
    """A clone that is installed, the service in it and a terminal beside it."""

    clone: Path
    port: int
    terminal: Terminal

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def line(self, command: Command) -> str:
        """The command as it is run here: on our port, about the last job."""
        text = command.run.replace(PRINTED_URL, self.url)
        return text.replace(" JOB", f" {self.last_job()}") if " JOB" in text else text

    def last_job(self) -> str:
        return str(httpx.get(f"{self.url}/jobs", trust_env=False).raise_for_status().json()[0]["id"])


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not here (Debian: apt-get install tmux)")
    return fresh_clone(tmp_path_factory.mktemp("hour"), IMAGES)


@contextmanager
def service(clone: Path, port: int, **more: str) -> Iterator[None]:
    """`nettailor up` in a terminal of its own; Ctrl-C ends it."""
    with Terminal(f"up-{port}", clone, environment(clone, port, **more)) as terminal:
        terminal.start(f"nettailor up --port {port}; echo over $?")
        until(lambda: is_ready(port), "nettailor up is ready")
        yield
        terminal.interrupt()
        until(lambda: "over 0" in terminal.screen(), "Ctrl-C ends nettailor up, with 0")


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def follow(world: World, command: Command) -> list[str]:
    """What is wrong with it, in words."""
    status, shown = world.terminal.run(world.line(command), patience_s=PATIENCE_S)
    keep(f"{command.page}: {command.text}", shown)
    wrong = []
    if status != 0 and not (command.text in MAY_FAIL and re.search(MAY_FAIL[command.text], shown)):
        wrong.append(f"{command.page}: {command.text} ended with {status}:\n{shown[-2000:]}")
    if not re.search(SHOWN.get(command.text, ""), shown):
        wrong.append(f"{command.page}: {command.text} does not show {SHOWN[command.text]!r}:\n{shown[-2000:]}")
    if command.text in TABLES and (broken := world.terminal.broken_lines()):
        wrong.append(f"{command.page}: {command.text} does not fit 80 columns: {broken[:3]}")
    return wrong


def keep(title: str, text: str) -> None:
    """A screen, for somebody to look at."""
    if folder := os.environ.get("NETTAILOR_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        with (Path(folder) / "screens.txt").open("a") as file:
            file.write(f"$ {title}\n{text}\n\n")


def test_line_by_line(clone: Path) -> None:
    """First what the README's first lines say, without a service; then all others beside one."""
    port = free_port()
    printed = [command for command in commands() if command.why_not is None]
    makes = [command for command in printed if command.text.startswith("make")]
    wrong = []
    with Terminal(f"user-{port}", clone, environment(clone, port)) as terminal:
        world = World(clone=clone, port=port, terminal=terminal)
        for command in dict.fromkeys(makes):
            wrong += follow(world, command)
        assert not wrong, "\n".join(wrong)
        with service(clone, port):
            for command in printed:
                if command not in makes:
                    wrong += follow(world, command)
            wrong += [fault for path in pages(world) for fault in look_at(f"{world.url}{path}", path)]
    assert not wrong, "\n".join(wrong)


def test_with_keys(clone: Path) -> None:
    """On what the first test left: nothing without a key, and the same answers with one."""
    port = free_port()
    with Terminal(f"keys-{port}", clone, environment(clone, port)) as terminal:
        scopes = " ".join(f"--scope {scope}" for scope in ("read", "publish", "promote", "admin"))
        status, shown = terminal.run(f"nettailor keys new ann {scopes} --file keys.json", patience_s=PATIENCE_S)
        assert status == 0, shown
        (secret,) = set(re.findall(r"\bntk_[\w-]+", shown))
        with service(clone, port, NETTAILOR_KEYS_FILE="keys.json"):
            status, shown = terminal.run("nettailor tasks", patience_s=PATIENCE_S)
            assert (status != 0, "NETTAILOR_KEY" in shown) == (True, True), shown
            terminal.run(f"export NETTAILOR_KEY={secret}", patience_s=PATIENCE_S)
            for text in ("nettailor tasks", "nettailor jobs", "nettailor predict birds photo.jpg --top-k 3"):
                status, shown = terminal.run(text, patience_s=PATIENCE_S)
                assert (status, bool(re.search(SHOWN[text], shown))) == (0, True), shown


def pages(world: World) -> list[str]:
    job = world.last_job()
    return [
        "/",
        "/docs",
        "/redoc",
        "/tasks/birds/report",
        "/tasks/birds/versions/1/report",
        f"/jobs/{job}/dataset/report",
    ]


def look_at(url: str, path: str) -> Iterator[str]:
    """Whether a browser shows something, at a desk's and at a telephone's width."""
    browser = shutil.which("chromium")
    assert browser is not None, "install chromium"
    for name, width in WIDTHS.items():
        folder = Path(os.environ.get("NETTAILOR_SCREENSHOTS", "/tmp"))
        target = folder / f"{path.strip('/').replace('/', '-') or 'front-page'}-{name}.png"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=20000"]
        command = [browser, *options, f"--window-size={width},2400", f"--screenshot={target}", url]
        subprocess.run(command, capture_output=True, timeout=300, check=True)
        if len(np.unique(np.asarray(Image.open(target).convert("L")))) < 16:
            yield f"{path} is blank at {width} pixels"
