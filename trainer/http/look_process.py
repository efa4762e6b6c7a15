"""`python -m trainer.http.look_process`: a look at an archive of a stranger, in a process of its own.

What it takes in memory and time is then no loss of the service that asks. It reads one line of JSON on standard input
(`Look`) and writes what it found to standard output. Its exit status is 0, or ``REFUSED`` where the archive or the
pattern is refused, or ``NO_ROOM`` where the disk is full. It ends when standard input does: nobody waits for it any
more.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hosting.disk.reserve import is_full
from hosting.processes.yielding import yield_processor
from trainer import errors
from trainer.errors import TrainerError
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.inspection import inspect

REFUSED = 3
NO_ROOM = 4


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is asked for. ``scratch`` is the folder for what has to be on disk meanwhile."""

    archive: Path
    limits: IntakeLimits
    group_by: str | None
    scratch: Path
    niceness: int

    def line(self) -> bytes:
        paths = {"archive": str(self.archive), "scratch": str(self.scratch)}
        return json.dumps(asdict(self) | paths).encode() + b"\n"

    @classmethod
    def of(cls, line: str) -> "Look":
        asked = json.loads(line)
        paths = {name: Path(asked[name]) for name in ("archive", "scratch")}
        return cls(**asked | paths | {"limits": IntakeLimits(**asked["limits"])})


def main() -> int:
    asked = Look.of(sys.stdin.readline())
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    yield_processor(asked.niceness)
    try:
        found = inspect(asked.archive, asked.limits, group_by=asked.group_by, scratch=asked.scratch)
    except TrainerError as fault:
        json.dump({"kind": type(fault).__name__, "text": str(fault), "members": vars(fault)}, sys.stdout)
        return REFUSED
    except OSError as fault:
        if not is_full(fault):
            raise
        return NO_ROOM
    json.dump(found.as_json(), sys.stdout)
    return 0


def refusal(document: Mapping[str, Any]) -> TrainerError:
    """The error that was raised in the other process."""
    kind: type[TrainerError] = getattr(errors, document["kind"])
    fault = kind.__new__(kind, document["text"])  # not called: each kind makes its text out of other arguments
    vars(fault).update(document["members"])
    return fault


def _end_with_the_input() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
