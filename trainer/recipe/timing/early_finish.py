"""A search for the network to publish that somebody ends early: what was measured when they asked is what there is."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import torch

from trainer.events import Json
from trainer.recipe.selection import Candidate, OutOfTime
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.training.distributed import ProcessGroup

T = TypeVar("T")

_NAME = "finish"  # in the decision log


@dataclass(frozen=True, kw_only=True)
class FinishRequest:
    """Who asked and when (ISO 8601); `candidates` are the blocks removed of those that were measured by then, twice
    of those that were polished. One there always is, whatever it says: the student itself."""

    by: str
    at: str
    candidates: tuple[int, ...]


def never() -> FinishRequest | None:
    """For a tailoring that nobody ends early."""
    return None


class EarlyFinish:
    """`asked` gives the request, once there is one.

    The request itself says what is chosen from, and the decision log keeps it: a tailoring that goes on after a break
    chooses from the same candidates, however far it had come when it heard of the request. All processes of a group
    call every method at the same points.
    """

    def __init__(self, asked: Callable[[], FinishRequest | None], decision_log: DecisionLog) -> None:
        self._asked = asked
        self._decision_log = decision_log
        self._measured = 0
        self._searched: int | None = None  # the candidate that is being trained
        self._skipped: int | None = None

    def begin(self, blocks: int) -> None:
        """A candidate is about to be trained, with so many blocks removed. Raises `OutOfTime`."""
        self._searched = blocks
        self.check()

    def measured(self) -> None:
        """One more candidate has been measured."""
        self._measured += 1

    def check(self) -> None:
        """Raise `OutOfTime` where the search is to end: as many have been measured as the request says. Before
        the search there is nothing to end."""
        if self._searched is None:
            return
        request = self._request()
        if request is not None and self._measured >= max(1, len(request["candidates"])):
            self._skipped = self._searched
            raise OutOfTime

    def chosen_from(self, candidates: Sequence[Candidate[T]]) -> list[Candidate[T]]:
        """Those of the candidates, in the order in which they were measured, that there were when somebody asked. One
        more may have been measured meanwhile."""
        request = self._request()
        if request is None:
            return list(candidates)
        known = max(1, len(request["candidates"]))
        chosen, dropped = candidates[:known], candidates[known:]
        self._skipped = dropped[0].blocks_removed if dropped else self._skipped
        return list(chosen)

    @property
    def happened(self) -> bool:
        """Whether the search would have gone on."""
        return self._skipped is not None

    def report(self) -> dict[str, Json] | None:
        """Who asked, when, what was chosen from, and with how many blocks removed the search would have gone on; for
        the job's result. None where it ended by itself."""
        return {**self._request(), "skipped": self._skipped} if self.happened else None

    def _request(self) -> Any:
        known = self._decision_log.get(_NAME)
        if known is not None:
            return known
        request = self._asked()
        if not bool(ProcessGroup.current().agreed(torch.tensor([request is not None]))):
            return None
        return self._decision_log.made(_NAME, lambda: None if request is None else asdict(request))
