"""What all of the server's routes need of a server whose engine is in this process."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from server.export.worker import ExportWorker
from server.open_inference import parts as open_inference


class Parts(open_inference.Parts, Protocol):
    """What exists while it runs."""

    @property
    def exports(self) -> ExportWorker: ...


class Server(open_inference.Server, Protocol):
    gather_counts: Callable[[], Awaitable[None]]  # into the metrics, of whoever else counts

    @property
    def parts(self) -> Parts:
        """Raises `NotReady`."""
