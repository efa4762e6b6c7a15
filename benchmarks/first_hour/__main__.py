"""Minutes from `git clone` to the first prediction on one's own photographs, by the commands of the README:

    python -m benchmarks.first_hour --images 300

Clones this repository into an empty folder, installs it there as `make install` does, starts `nettailor up`, looks at
the photographs, tailors a network to them and asks it about one more. Packages come from pip's index or its cache,
whichever has them. Prints the seconds of each step, then one line of JSON.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from benchmarks.first_hour.photographs import write_photographs
from benchmarks.measuring.machine import describe
from benchmarks.measuring.processes import free_port

_REPOSITORY = Path(__file__).parents[2]
_LOOK_AGAIN_S = 0.2
_START_PATIENCE_S = 300.0

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A line of the README, how long it took, and the processors' time of the processes that ended meanwhile: what it
    would take on one idle core, but for what it waits for. That of the service and its job is in the last step."""

    command: str
    seconds: float
    cpu_seconds: float


class FirstHour:
    """The steps in their order, in one folder; `done` has those that are over."""

    def __init__(self, folder: Path, preset: str | None) -> None:
        self._clone = folder / "nettailor-server"
        self._photographs = folder / "photos"
        self._preset = [] if preset is None else ["--preset", preset]
        self._port = free_port()
        self.done: list[Step] = []

    def carry_out(self, images: int) -> str:
        """What was found in the photograph that was asked about."""
        photograph = write_photographs(self._photographs, images)
        self._run("git", "clone", "--quiet", str(_REPOSITORY), str(self._clone), cwd=photograph.parent)
        self._run("make", "install")
        service = self._timed("nettailor up", self._start)
        try:
            self._nettailor("inspect", str(self._photographs))
            self._nettailor("tailor", str(self._photographs), "--task", "birds", "--yes", *self._preset)
            return self._nettailor("predict", "birds", str(photograph), "--top-k", "3")
        finally:
            service.terminate()
            self._timed("end of nettailor up", service.wait)

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [str(self._clone / ".venv/bin/nettailor"), "up", "--port", str(self._port)]
        service = subprocess.Popen(command, cwd=self._clone, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_PATIENCE_S
        while not self._is_ready():
            if service.poll() is not None or time.monotonic() > deadline:
                service.kill()
                raise SystemExit("nettailor up does not become ready")
            time.sleep(_LOOK_AGAIN_S)  # between looks at another process, as a user would
        return service

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def _nettailor(self, *arguments: str) -> str:
        return self._run(str(self._clone / ".venv/bin/nettailor"), *arguments)

    def _run(self, *command: str, cwd: Path | None = None) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NETTAILOR_")}
        environment["NETTAILOR_URL"] = f"http://127.0.0.1:{self._port}"

        def run() -> str:
            done = subprocess.run(
                command, cwd=cwd or self._clone, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
            return done.stdout

        return self._timed(" ".join([Path(command[0]).name, *command[1:3]]), run)

    def _timed(self, command: str, act: Callable[[], Result]) -> Result:
        began, spent = time.monotonic(), _cpu_seconds()
        result = act()
        shown = command.replace(f"{self._clone.parent}/", "").replace(str(_REPOSITORY), "...")
        seconds, cpu_seconds = time.monotonic() - began, _cpu_seconds() - spent
        self.done.append(Step(command=shown, seconds=round(seconds, 1), cpu_seconds=round(cpu_seconds, 1)))
        print(f"{seconds:9.1f} s {cpu_seconds:9.1f} s of CPU  {shown}", file=sys.stderr, flush=True)
        return result


def _cpu_seconds() -> float:
    """Of all children that have ended, and theirs."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--preset", choices=["fast", "balanced", "thorough"], help="the service's own by default")
    args = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="first-hour-") as folder:
        first = FirstHour(Path(folder), args.preset)
        print(first.carry_out(args.images))
    seconds = sum(step.seconds for step in first.done[:-1])  # the last one is the service's end
    print(f"{seconds / 60:.1f} minutes to the first prediction")
    found = {"images": args.images, "preset": args.preset, "minutes": round(seconds / 60, 2)}
    steps = [asdict(step) for step in first.done]
    print(json.dumps(found | {"steps": steps, "load_before": load, "machine": describe()}))


if __name__ == "__main__":
    main()
