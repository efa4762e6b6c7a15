"""What the protocol needs of a server, running or not, whose engine is in this process."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from server.engine.engine import Engine
from server.errors import NotReady
from server.metrics import Metrics
from server.prediction.local_inference import LocalInference
from server.prediction.parts import PredictionParts, PredictionServer
from server.prediction.routing import Routing
from server.residency.backbones import Backbones
from server.residency.residency import Residency
from server.statistics import Statistics

# What keeps the process from being ready, as "without ..."; None: nothing does.
Missing = Callable[[], Awaitable[str | None]]


class Parts(PredictionParts, Protocol):
    """What exists while it runs."""

    @property
    def backbones(self) -> Backbones[Engine]: ...

    @property
    def inference(self) -> LocalInference: ...

    @property
    def statistics(self) -> Statistics: ...

    @property
    def routing(self) -> "Routing[Any, Any]": ...

    @property
    def residency(self) -> "Residency[Any, Any]": ...


class Server(PredictionServer, Protocol):
    state: str  # starting, ready or draining
    missing: Missing

    @property
    def metrics(self) -> Metrics: ...

    @property
    def parts(self) -> Parts:
        """Raises `NotReady`."""


async def check_ready(server: Server) -> None:
    """Predictions can be asked, and whatever else has to be there is. Raises `NotReady`, `ReserveNearlyGone`."""
    if server.state != "ready" or not server.parts.routing.synchronised:
        raise NotReady("waiting for the registry" if server.state == "ready" else server.state)
    if (missing := await server.missing()) is not None:
        raise NotReady(missing)
