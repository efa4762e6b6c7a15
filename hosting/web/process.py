"""An HTTP app as a process: to be told to stop is no failure, to be unable to start is one."""

import signal
import sys
from types import FrameType
from typing import Any, NoReturn, TypeVar

import uvicorn

from hosting.errors import SettingsInvalid
from hosting.processes.malloc import bound_arenas
from hosting.settings.settings import Settings
from hosting.telemetry import tracing
from hosting.telemetry.logs import configure_logs

S = TypeVar("S", bound=Settings)

_STARTUP_FAILED = 3  # as uvicorn's own command says it
_GRACE_SECONDS = 10  # for requests under way when told to stop; streams of events never end by themselves


def settings_of(kind: type[S]) -> S:
    """The settings of a service; told in one line on standard error if they are none. Raises `SystemExit`."""
    try:
        return kind()
    except SettingsInvalid as error:
        sys.exit(f"error: {error}")


def begin(settings: Settings, service: str) -> None:
    """Log and trace as the settings say; SIGTERM and Ctrl-C now end the process with 0, closing what is open."""
    bound_arenas()
    configure_logs(settings)
    tracing.start(settings, service)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)


def configured(app: Any, settings: Settings) -> uvicorn.Config:
    """uvicorn's configuration; it logs as we do. No access log unless asked for: metrics count every answer."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        host=settings.host,
        port=settings.port,
        log_config=None,
        log_level=settings.log_level,
        access_log=settings.access_log,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


def serve(server: uvicorn.Server) -> None:
    """Until told to stop. Raises `SystemExit`."""
    server.run()
    if not server.started:
        sys.exit(_STARTUP_FAILED)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """uvicorn raises a signal again once it has closed."""
    sys.exit(0)
