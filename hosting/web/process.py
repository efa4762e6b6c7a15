"""An HTTP app as a process: to be told to stop is no failure, to be unable to start is one."""

import signal
import socket
import sys
from types import FrameType
from typing import Any, NoReturn

import uvicorn

from hosting.processes.descriptors import raise_open_files_limit
from hosting.processes.garbage import collect_rarely
from hosting.processes.malloc import bound_arenas
from hosting.processes.private_files import keep_files_private
from hosting.settings.outset import ending_in_a_line
from hosting.settings.settings import Settings
from hosting.telemetry import tracing
from hosting.telemetry.bursts import fold_bursts
from hosting.telemetry.logs import configure_logs
from hosting.web import problems
from hosting.web.connection import protocol
from hosting.web.connection.census import Addresses
from hosting.web.connection.config import BoundedConfig
from hosting.web.connection.limits import limits_of

_STARTUP_FAILED = 3  # as uvicorn's own command says it
GRACE_SECONDS = 10  # for requests under way when told to stop; streams of events end at once


def begin(settings: Settings, service: str) -> None:
    """Log and trace as the settings say; files are private; SIGTERM and Ctrl-C now end the process with 0, closing
    what is open."""
    with ending_in_a_line():
        keep_files_private(settings.data_dir)
    bound_arenas()
    raise_open_files_limit()
    configure_logs(settings)
    tracing.start(settings, service)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)


def configured(
    app: Any, settings: Settings, *, grace_s: int = GRACE_SECONDS, addresses: Addresses | None = None
) -> BoundedConfig:
    """uvicorn's configuration, with limits on connections; it logs as we do. No access log unless asked for: metrics
    count every answer. When told to stop, requests under way get `grace_s`. `addresses` counts the connections of
    several processes; without it, they are counted in this one."""
    fold_bursts("asyncio", "socket.accept() out of system resource")
    for message in (protocol.REFUSING, protocol.NOT_READING):
        fold_bursts(protocol.__name__, message)
    fold_bursts(problems.__name__, problems.FAILED, by="failure")
    return BoundedConfig(
        app,
        limits_of(settings),
        addresses=addresses,
        loop="auto",  # uvloop, where there is one
        host=settings.host,
        port=settings.port,
        log_config=None,
        log_level=settings.log_level,
        access_log=settings.access_log,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=grace_s,
    )


def serve(server: uvicorn.Server, *listeners: socket.socket) -> None:
    """Until told to stop; on these sockets, or on what the settings say. Raises `SystemExit`."""
    collect_rarely()
    server.run(sockets=list(listeners) or None)
    if not server.started:
        sys.exit(_STARTUP_FAILED)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """uvicorn raises a signal again once it has closed."""
    sys.exit(0)
