"""`nettailor up`: the one place that wires everything together, and takes it down again in order."""

import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from cli.errors import AddressUnusable, CannotStart, DataFolderInUse
from cli.service.grace import GRACE_SECONDS
from cli.service.local_service import LOCK_FILE, remove_state, write_state
from hosting.errors import DataFolderUnusable, HostingError
from hosting.processes.descriptors import raise_open_files_limit
from hosting.processes.file_lock import FileLock
from hosting.processes.garbage import collect_rarely, kept_imports
from hosting.processes.malloc import bound_arenas
from hosting.processes.private_files import keep_files_private
from hosting.telemetry import tracing
from hosting.telemetry.logs import configure_logs
from hosting.web.draining import DrainingServer
from hosting.web.process import configured
from nettailor.errors import NetTailorError
from nettailor_client import Client
from registry.errors import RegistryError
from registry.wiring import redis_service
from server.errors import ServerError
from server.front.process_tree import process_tree
from server.settings import ServerSettings
from trainer.errors import TrainerError
from trainer.settings import Settings as TrainerSettings
from trainer.workers.machine.pool import Workers

logger = logging.getLogger(__name__)

_READY_POLL_SECONDS = 0.1
_CLAIM_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """What the command line decides; None leaves a value to the settings. Port 0 takes any free port. With `lifeline`
    the service stops when its standard input ends."""

    data_dir: Path | None
    host: str | None
    port: int | None
    log_level: str | None
    lifeline: bool


def run(options: UpOptions, *, as_json: bool = False) -> None:
    """Serve until SIGINT or SIGTERM, then end the process. Where the service is, is said once it is ready.

    Raises `DataFolderInUse`, `AddressUnusable`, `CannotStart`.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        _serve(options, _say_json if as_json else _say)
    except KeyboardInterrupt:
        _leave()
    except (NetTailorError, HostingError, RegistryError, TrainerError, ServerError) as error:
        raise CannotStart(str(error)) from error


def _leave() -> NoReturn:
    """Everything is closed by now; Python would spend seconds more on taking torch's modules apart."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _serve(options: UpOptions, say: Callable[[Path, str], None]) -> None:
    chosen: dict[str, Any] = {
        "data_dir": options.data_dir,
        "host": options.host,
        "port": options.port,
        "log_level": options.log_level,
    }
    chosen = {name: value for name, value in chosen.items() if value is not None}
    chosen["data_dir"] = ServerSettings(**chosen).data_dir.absolute()
    server_settings, trainer_settings = ServerSettings(**chosen), TrainerSettings(**chosen)
    keep_files_private(server_settings.data_dir)
    bound_arenas()
    raise_open_files_limit()
    configure_logs(server_settings)
    tracing.start(server_settings, "up")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # our own polls of /readyz need no line each
    if options.lifeline:
        threading.Thread(target=_interrupt_after_stdin, daemon=True).start()
    data_dir = server_settings.data_dir
    with ExitStack() as stack:
        stack.enter_context(_claimed(data_dir))
        listener = stack.enter_context(_listening(server_settings.host, server_settings.port))
        chosen["redis_url"] = redis_url = stack.enter_context(redis_service(server_settings))
        workers = Workers(trainer_settings, _environment(chosen))
        serving = stack.enter_context(
            _by_fronts(server_settings, listener, _environment(chosen))
            if server_settings.fronts
            else _in_this_process(server_settings, trainer_settings, redis_url, listener)
        )
        stack.enter_context(workers)
        stack.callback(remove_state, data_dir)
        threading.Thread(target=_announce, args=(data_dir, _url(listener), serving.was_up, say), daemon=True).start()
        serving.until_told_to_stop()


@dataclass(frozen=True, kw_only=True)
class _Serving:
    until_told_to_stop: Callable[[], None]
    was_up: Callable[[], bool]  # whether there was anybody to ask yet


@contextmanager
def _in_this_process(
    server_settings: ServerSettings, trainer_settings: TrainerSettings, redis_url: str, listener: socket.socket
) -> Iterator[_Serving]:
    with kept_imports():
        from cli.service.app import serving  # torch: what can be refused is refused before seconds of imports

    with serving(server_settings, trainer_settings, redis_url) as (app, server):
        config = configured(app, server_settings, grace_s=GRACE_SECONDS)
        collect_rarely()
        run = partial(DrainingServer(config, server).run, sockets=[listener])
        yield _Serving(until_told_to_stop=run, was_up=lambda: True)


@contextmanager
def _by_fronts(settings: ServerSettings, listener: socket.socket, environment: Mapping[str, str]) -> Iterator[_Serving]:
    with process_tree(
        listener,
        engine=[sys.executable, "-m", "cli.service.engine_process"],
        fronts=settings.fronts,
        service="up",
        grace_s=GRACE_SECONDS,
        environment=environment,
    ) as tree:
        yield _Serving(until_told_to_stop=tree.wait, was_up=lambda: tree.was_up)


def _environment(chosen: dict[str, Any]) -> dict[str, str]:
    return {f"NETTAILOR_{name.upper()}": str(value) for name, value in chosen.items()}


@contextmanager
def _claimed(data_dir: Path) -> Iterator[None]:
    """The folder, made if missing, held against a second service by a lock that the kernel lets go with us."""
    with FileLock(data_dir / LOCK_FILE) as lock:
        try:
            is_ours = lock.acquire(patience_seconds=_CLAIM_SECONDS)  # whoever asks who runs here holds it for a moment
        except OSError as error:
            raise DataFolderUnusable(str(data_dir), error.strerror or str(error)) from error
        if not is_ours:
            raise DataFolderInUse(data_dir)
        remove_state(data_dir)  # of one that was killed
        yield


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Bound before anything starts: a taken port is known at once, and a free one by its number."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise AddressUnusable(host, port, error.strerror or str(error)) from error
        yield listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # every address is also this one
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(data_dir: Path, url: str, was_up: Callable[[], bool], say: Callable[[Path, str], None]) -> None:
    """Say where the service is, once it is ready."""
    while not was_up():
        threading.Event().wait(_READY_POLL_SECONDS)
    with Client(url) as client:
        while not client.is_ready():
            threading.Event().wait(_READY_POLL_SECONDS)
    write_state(data_dir, url)
    say(data_dir, url)


def _say_json(data_dir: Path, url: str) -> None:
    print(json.dumps({"url": url, "data_dir": str(data_dir), "pid": os.getpid()}), flush=True)


def _say(data_dir: Path, url: str) -> None:
    print(f"NetTailor is ready at {url}")
    for path, what in (("/docs", "the API"), ("/tasks", "tasks"), ("/jobs", "jobs"), ("/metrics", "metrics")):
        print(f"  {url + path:<40} {what}")
    print(f"State is kept in {data_dir}. Ctrl-C stops.", flush=True)


def _interrupt_after_stdin() -> None:
    while os.read(sys.stdin.fileno(), 4096):  # not through Python's buffer, whose lock would outlive us at the exit
        pass
    os.kill(os.getpid(), signal.SIGTERM)  # to the main thread, which may be asleep


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
