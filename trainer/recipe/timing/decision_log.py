"""Decisions that rest on a measurement, kept in a file, so that a run that goes on after a break decides the same."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from nettailor.durable import write_durably
from trainer.training.distributed import ProcessGroup


class DecisionLog:
    """Decisions are plain JSON, each with a name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def made(self, name: str, decide: Callable[[], Any]) -> Any:
        """The decision of this name. Only the first call ever calls `decide`; in a process group, the decision of
        process 0 counts for all."""
        if name not in self._made:
            self._made[name] = _agreed(decide())
            if ProcessGroup.current().leads:
                write_durably(self._path, [json.dumps(self._made, indent=1).encode()])
        return self._made[name]

    def get(self, name: str) -> Any:
        """The decision of this name, or None where it has not been made."""
        return self._made.get(name)

    def starting_with(self, prefix: str) -> dict[str, Any]:
        """The decisions that were made whose names begin so."""
        return {name: decision for name, decision in self._made.items() if name.startswith(prefix)}


def _agreed(decision: Any) -> Any:
    """Process 0's decision on every process, as JSON."""
    group = ProcessGroup.current()
    text = json.dumps(decision).encode()
    length = int(group.agreed(torch.tensor([len(text)])))
    padded = torch.zeros(length, dtype=torch.uint8)
    own = torch.frombuffer(bytearray(text[:length]), dtype=torch.uint8)
    padded[: len(own)] = own
    return json.loads(bytes(group.agreed(padded).tolist()))
