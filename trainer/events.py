"""Progress of a job: what happened, at which stage, and how far along it is.

An event is small, plain data. The recipe makes events without knowing who listens;
:mod:`trainer.jobs.event_stream` writes them to a Redis stream, from which clients read them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

EventKind = Literal["stage", "epoch", "candidate", "log", "state"]

_KINDS = frozenset(get_args(EventKind))


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to a job.

    ``progress`` is the fraction that is done (0 to 1), of the recipe in the recipe's events and of the job in the
    job's; ``stage`` is the stage it happened in; ``fields`` are particular to the kind (epoch, epochs, loss, accuracy,
    alphas, seconds_left, k, macs, ...).
    Raises ValueError for an unknown kind or a progress outside 0 to 1.
    """

    kind: EventKind
    stage: str
    progress: float
    fields: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"unknown event kind {self.kind!r}")
        if not (math.isfinite(self.progress) and 0.0 <= self.progress <= 1.0):
            raise ValueError(f"progress {self.progress!r} is outside 0 to 1")
