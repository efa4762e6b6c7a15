"""The service under attack, on a small disk of its own where one can be had; what it leaves behind."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from benchmarks.soak.world import World
from nettailor.durable import TEMPORARY_PREFIX

_DISK = "1g"
_READY_S = 60.0
_POLL_S = 0.05
_TEMPORARY = (f"{TEMPORARY_PREFIX}*", "upload-*", "look-*", "*.tmp")
_TRACEBACK = "Traceback (most recent call last)"


class BesiegedWorld(World):
    """The data folder is `folder`/data, and what goes to the system's folder of temporary files is beside it."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        os.environ["TMPDIR"] = str(self.temporary)
        super().__init__(self.data)

    def kill_redis(self) -> None:
        """kill -9 of the embedded Redis; the service is whole again when this returns, or is said not to be."""
        for child in self._main.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # one that ended as we looked
                if child.name().startswith("redis-server"):
                    child.kill()
                    self.count("redis_kills")
        time.sleep(1.0)  # its death takes a moment to be noticed, and whoever waits for "ready" must not see "still"
        if not self.ready_within(_READY_S):
            self.fault("not_ready_again", "after Redis was killed")

    def ready_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=10, trust_env=False).is_success:
                    return True
            except httpx.TransportError:
                pass
            time.sleep(_POLL_S)  # between looks at another process, which tells nobody
        return False

    def resident_mib(self) -> float:
        return float(self._main.memory_info().rss) / 2**20

    def tracebacks(self) -> list[str]:
        """Of each in the service's log: the line before it, where it was raised, and what."""
        before, *texts = (self.data / "up.log").read_text(errors="replace").split(_TRACEBACK)
        found = []
        for text in texts:
            found.append(f"{before.rstrip().rpartition(chr(10))[2]} ... {_raised(text)}")
            before = text
        return found

    def leftovers(self) -> list[str]:
        """Temporary files, once the service has been stopped in peace, started and stopped again."""
        self.stop()
        self.start_again()
        self.stop()
        folders = (self.data, self.temporary)
        return sorted(str(path) for folder in folders for pattern in _TEMPORARY for path in folder.rglob(pattern))


def _raised(traceback: str) -> str:
    """The last place, and the first line that is not indented, behind those that are."""
    lines = traceback.splitlines()[1:]
    raised = next((line for line in lines if line and not line.startswith(" ")), "?")
    places = (
        [line.strip() for line in lines[: lines.index(raised)] if line.startswith("  File ")] if raised != "?" else []
    )
    return f"{places[-1] if places else ''} ... {raised}"


@contextmanager
def small_disk() -> Iterator[tuple[Path, bool]]:
    """A folder, and whether it is a disk of its own that may be filled (mounting one wants root)."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        mounted = _run("mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", name)
        try:
            yield Path(name), mounted
        finally:
            if mounted:
                _run("umount", "--lazy", name)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """The disk of this folder is full to the last byte."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            size = 1 << 20
            while size:
                try:
                    file.write(bytes(size))
                except OSError:
                    size //= 2
        yield
    finally:
        ballast.unlink()


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
