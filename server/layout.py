"""Which rows of a batch tensor belong to which task: contiguous, in the batch's order of tasks (torch-free)."""

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

    def owners(self) -> list[int]:
        """Position in `tasks` of each row's task."""
        return [position for position, task in enumerate(self.tasks) for _ in range(self.counts[task])]
