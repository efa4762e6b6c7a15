"""The look in a process of its own, which waits before it begins; all else is the real thing."""

import os
import sys
from pathlib import Path

from tests.waiting import until
from trainer.http.look_process import main

if __name__ == "__main__":
    gate = Path(os.environ["HELD_LOOK_GATE"])
    if gate.exists():
        (gate / str(os.getpid())).touch()
    until(lambda: not gate.exists(), "the gate is gone")
    sys.exit(main())
