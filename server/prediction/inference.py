"""The seam between what prepares images and what answers them (torch-free).

A request reserves first: its names become versions, whose bundles it holds from then on, and it counts as under way.
Then its images are prepared as these versions want them, and the reservation is run. The engine may be in this process
(`local_inference`) or in another one (`server.link.remote_inference`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nettailor.bundle.preprocessing import Preprocessing
from server.prediction.answer import Answer
from server.prediction.images import Prepared
from server.prediction.target import Target

Version = tuple[str, int]  # a task and the number of one of its versions


@dataclass(frozen=True, kw_only=True)
class Options:
    top_k: int  # how many classes an image
    priority: int  # within a task, more goes first
    deadline: float  # on the machine's monotonic clock


@dataclass(frozen=True, kw_only=True)
class Group:
    """The targets of one request that share backbone and preprocessing: their images are prepared once and run in one
    batch."""

    preprocessing: Preprocessing
    places: tuple[int, ...]  # of its targets within the request
    versions: tuple[Version, ...]  # of these targets


class Reservation(Protocol):
    """The right of one request to be run."""

    @property
    def groups(self) -> Sequence[Group]: ...

    @property
    def is_submitted(self) -> bool:
        """Whether all its images wait for the engine or are in it."""

    async def run(self, images: Sequence[Prepared], options: Options, input_s: float) -> list[Answer]:
        """One answer a target, in order. `images` are those of the request, each prepared for every group, which took
        `input_s`.

        Raises `BundleUnusable`, `BundleUnavailable`, `NotReady`, `DeadlineExceeded`, `InferenceFailed`, `EngineLost`.
        """

    def release(self) -> None:
        """Let go of what was reserved and does not run. To be called once, however the request ended."""


class Inference(Protocol):
    def check_room(self, tasks: Sequence[str]) -> None:
        """Whether an image for each task could be reserved now; asked before anything is read. Raises `Overloaded`."""

    async def reserve(self, targets: Sequence[Target], images: int, deadline: float) -> Reservation:
        """Raises `TaskUnknown`, `AliasUnknown`, `VersionUnknown`, `RecordCorrupt`, `IndexUnavailable` (registry);
        `BundleUnusable`, `Overloaded`, `NotReady`, `EngineLost`."""

    async def class_count(self, target: Target) -> int:
        """How many classes the version has that would answer. Raises what `reserve` raises of names."""
