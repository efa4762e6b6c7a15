"""`python -m server`: the server's HTTP app on its own, over the registry that the settings name."""

import logging
import signal
import sys
from types import FrameType
from typing import NoReturn

import uvicorn

from registry.wiring import open_registry, redis_service
from server.app import create_app
from server.process import DrainingServer
from server.service import Service
from server.settings import ServerSettings

_STARTUP_FAILED = 3  # as uvicorn's own command says it


def main() -> None:
    settings = ServerSettings()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        registry.reconcile()
        service = Service(settings, registry)
        app = create_app(settings, registry, service=service)
        # No access log, as in `nettailor up`: metrics count every answer.
        config = uvicorn.Config(
            app,
            loop="asyncio",
            host=settings.host,
            port=settings.port,
            log_level=settings.log_level,
            access_log=False,
        )
        # No accepted request outlives its own timeout, so none is cut off.
        server = DrainingServer(config, service, patience_s=settings.request_timeout_ms / 1000)
        server.run()
        if not server.started:
            sys.exit(_STARTUP_FAILED)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """uvicorn raises a signal again once it has closed; to have been stopped is no failure."""
    sys.exit(0)


if __name__ == "__main__":
    main()
