"""What those who ask for predictions need of a server, running or not, wherever its engine is (torch-free)."""

from collections.abc import Iterable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Protocol

from server.prediction.predictor import Predictor
from server.settings import ServerSettings


class Counts(Protocol):
    """Where answers are counted."""

    def answered(self, tasks: Iterable[str], code: int, seconds: float) -> None:
        """A request about these tasks, known or not, was answered with a status after so long."""

    def refused(self, reason: str) -> None:
        """A request was turned away before it ran."""


class PredictionParts(Protocol):
    """What exists while it runs."""

    @property
    def predictor(self) -> Predictor: ...

    @property
    def decodes(self) -> Executor:
        """Threads for work that must not hold up the event loop."""


class PredictionServer(Protocol):
    @property
    def settings(self) -> ServerSettings: ...

    @property
    def metrics(self) -> Counts: ...

    @property
    def parts(self) -> PredictionParts:
        """Raises `NotReady`."""

    def answering(self) -> AbstractContextManager[None]:
        """A context to hold from a prediction's arrival to its answer. Raises `NotReady` when draining."""

    def accept_until(self, deadline: float) -> None:
        """A prediction was accepted that has until then, on the monotonic clock, to be answered."""
