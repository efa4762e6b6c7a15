"""The engine's process as fronts see it: a private HTTP server for what they pass on, and the link."""

import argparse
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from starlette.types import ASGIApp

from hosting.access.rates.rate_limit import TokenBuckets
from hosting.access.rates.shared_buckets import SharedBuckets
from hosting.settings.settings import Settings
from hosting.web.connection.config import BoundedConfig
from hosting.web.draining import DrainingServer
from hosting.web.process import GRACE_SECONDS, configured
from server.front.places import Places
from server.front.private_headers import PRIVATE, FromFront
from server.link.board import Board
from server.link.engine_end import EngineEnd
from server.service import Service

_FURTHER_BYTES = 1024  # of headers, which fronts add


class EngineSide(DrainingServer):
    """Serves an app to fronts. What it sends for a front to hand on says nothing that the front says as well."""

    def __init__(
        self, app: ASGIApp, service: Service, settings: Settings, places: Places, *, grace_s: int = GRACE_SECONDS
    ) -> None:
        super().__init__(_private(app, settings, grace_s), service)
        board = Board()
        service.parts.admission.changed = board.show
        self._end = EngineEnd(places.link, service, board)
        self._places = places
        service.gather_counts = self._end.gather_reports
        service.metrics.fronts.set_function(lambda: self._end.fronts)

    def serve_fronts(self) -> None:
        """Until told to stop."""
        with _listening(self._places.http) as listener:
            self.run(sockets=[listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await self._end.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._end.stop()
        await super().shutdown(sockets)


def engine_arguments() -> argparse.Namespace:
    """What `process_tree` tells an engine's process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True, help="where the sockets for fronts go")
    parser.add_argument("--buckets", type=int, required=True, help="descriptor of the rate limits that all count in")
    return parser.parse_args()


def shared_buckets(settings: Settings, descriptor: int) -> TokenBuckets | None:
    if not settings.rate_limit_per_second:
        return None
    return SharedBuckets(descriptor, per_second=settings.rate_limit_per_second, burst=settings.rate_burst)


def _private(app: ASGIApp, settings: Settings, grace_s: int) -> BoundedConfig:
    """Fronts have limited connections and noted requests already."""
    own = {
        "access_log": False,
        "max_connections_per_address": 0,
        "max_headers": settings.max_headers + len(PRIVATE) + 1,
        "max_header_bytes": settings.max_header_bytes + _FURTHER_BYTES,
    }
    config = configured(FromFront(app), settings.model_copy(update=own), grace_s=grace_s)
    config.proxy_headers = config.server_header = config.date_header = False
    return config


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    path.unlink(missing_ok=True)  # of one that was killed
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        yield listener
