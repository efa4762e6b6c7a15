"""A real `nettailor up` whose data folder is a file system of its own, of a few MiB, that only it and its children see.

For that it runs in a user and mount namespace, in which an ordinary user may mount. Its files are reached from outside
through /proc.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.service.local_service import running_url
from nettailor_client import Client
from tests.waiting import until

_MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'
_CHUNK_BYTES = 1 << 16


def _mounted(size_bytes: int, folder: Path, command: list[str]) -> list[str]:
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", _MOUNT, "sh", str(size_bytes), str(folder), *command]


def may_mount(folder: Path) -> bool:
    """Whether this machine lets this user mount in a namespace of its own; containers often do not."""
    try:
        return subprocess.run(_mounted(1 << 20, folder, ["true"]), capture_output=True, check=False).returncode == 0
    except FileNotFoundError:  # there is no `unshare`
        return False


@dataclass(frozen=True, kw_only=True)
class SmallDisk:
    client: Client
    folder: Path  # the data folder, as this process reaches it

    def fill(self, leave_bytes: int = 0) -> None:
        """Have so many bytes left on the disk, or none."""
        self.empty()
        free = os.statvfs(self.folder)
        left = free.f_bavail * free.f_frsize - leave_bytes
        with contextlib.suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            while leave_bytes == 0 or left > 0:
                left -= filler.write(bytes(_CHUNK_BYTES if leave_bytes == 0 else min(left, _CHUNK_BYTES)))

    def empty(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)


@contextlib.contextmanager
def up_on_a_small_disk(folder: Path, size_bytes: int, environment: Mapping[str, str]) -> Iterator[SmallDisk]:
    folder.mkdir()
    command = [sys.executable, "-m", "cli", "up", "--data-dir", str(folder), "--port", "0", "--lifeline"]
    log = folder.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            _mounted(size_bytes, folder, command),
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    inside = Path(f"/proc/{process.pid}/root{folder}")
    try:
        url = until(lambda: running_url(inside), f"the service is ready; see {log}", process=process)
        with Client(url) as client:
            yield SmallDisk(client=client, folder=inside)
    finally:
        assert process.stdin is not None
        process.stdin.close()  # its word to stop
        process.wait()
