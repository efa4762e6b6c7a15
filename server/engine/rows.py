"""Which rows of a batch tensor belong to which task: contiguous, in the batch's order of tasks (torch-free); and
which rows go to which lane."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Rows of the members `tasks` (indices into the batch's adapters, ascending), `counts[t]` rows each."""

    tasks: tuple[int, ...]
    counts: Sequence[int]
    starts: dict[int, int] = field(init=False)
    total: int = field(init=False)

    def __post_init__(self) -> None:
        starts, total = {}, 0
        for task in self.tasks:
            starts[task] = total
            total += self.counts[task]
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "total", total)

    def of(self, task: int) -> slice:
        start = self.starts[task]
        return slice(start, start + self.counts[task])

    def subset(self, tasks: Iterable[int]) -> "Rows":
        tasks = tuple(tasks)
        return self if tasks == self.tasks else Rows(tasks=tasks, counts=self.counts)

    def index(self, subset: "Rows") -> list[int]:
        """Where the rows of a subset are among these."""
        return [row for task in subset.tasks for row in range(*self.of(task).indices(self.total))]


@dataclass(frozen=True, kw_only=True)
class Share:
    """Rows of one member of a batch that go through the network in one piece, by the index of their image."""

    member: int
    images: Sequence[int]


def cut(members: Sequence[Sequence[int]], weights: Sequence[float], pieces: int) -> list[list[Share]]:
    """The images of each member, in order, cut into at most `pieces` pieces whose rows weigh about the same.

    A row weighs what its member's `weights` say; a member is torn apart only where a cut falls into it.
    """
    total = sum(len(images) * weight for images, weight in zip(members, weights, strict=True))
    result: list[list[Share]] = [[] for _ in range(pieces)]
    done = 0.0
    for member, (images, weight) in enumerate(zip(members, weights, strict=True)):
        owners = [min(pieces - 1, int((done + (i + 0.5) * weight) * pieces / total)) for i in range(len(images))]
        done += len(images) * weight
        for piece in dict.fromkeys(owners):
            own = [image for image, owner in zip(images, owners, strict=True) if owner == piece]
            result[piece].append(Share(member=member, images=own))
    return [piece for piece in result if piece]
