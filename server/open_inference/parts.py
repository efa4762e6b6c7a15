"""What the protocol needs of a server, running or not."""

from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any, Protocol

from server.engine.engine import Engine
from server.errors import NotReady
from server.metrics import Metrics
from server.prediction.predictor import Predictor
from server.prediction.routing import Routing
from server.residency.backbones import Backbones
from server.residency.residency import Residency
from server.settings import ServerSettings
from server.statistics import Statistics

# What keeps the process from being ready, as "without ..."; None: nothing does.
Missing = Callable[[], Awaitable[str | None]]


class Parts(Protocol):
    """What exists while it runs."""

    @property
    def backbones(self) -> Backbones[Engine]: ...

    @property
    def predictor(self) -> Predictor: ...

    @property
    def statistics(self) -> Statistics: ...

    @property
    def decodes(self) -> Executor:
        """Threads for work that must not hold up the event loop."""

    @property
    def routing(self) -> "Routing[Any, Any]": ...

    @property
    def residency(self) -> "Residency[Any, Any]": ...


class Server(Protocol):
    settings: ServerSettings
    metrics: Metrics
    state: str  # starting, ready or draining
    missing: Missing

    @property
    def parts(self) -> Parts:
        """Raises `NotReady`."""

    def answering(self) -> AbstractContextManager[None]:
        """A context to hold from a prediction's arrival to its answer. Raises `NotReady` when draining."""

    def accept_until(self, deadline: float) -> None:
        """A prediction was accepted that has until then, on the monotonic clock, to be answered."""


async def check_ready(server: Server) -> None:
    """Predictions can be asked, and whatever else has to be there is. Raises `NotReady`, `ReserveNearlyGone`."""
    if server.state != "ready" or not server.parts.routing.synchronised:
        raise NotReady("waiting for the registry" if server.state == "ready" else server.state)
    if (missing := await server.missing()) is not None:
        raise NotReady(missing)
