"""Fronts as processes, before an engine in the process of the tests."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from hosting.web.connection.shared_addresses import new_addresses
from server.front.engine_side import EngineSide
from server.front.places import Places
from server.service import Service
from server.settings import ServerSettings
from tests.serving import PromptServer
from tests.waiting import until


@dataclass(frozen=True, kw_only=True)
class Fronts:
    processes: list["subprocess.Popen[bytes]"]
    port: int


class _PromptEngineSide(EngineSide, PromptServer):
    """Ends at once when told to."""

    def __init__(self, app: ASGIApp, service: Service, settings: ServerSettings, places: Places) -> None:
        super().__init__(app, service, settings, places)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@contextlib.contextmanager
def before(app: FastAPI, service: Service, settings: ServerSettings, buckets: int) -> Iterator[Fronts]:
    """As many fronts as the settings say before a service that has been started; linked, and gone at the end."""
    with (
        tempfile.TemporaryDirectory() as name,
        socket.create_server(("127.0.0.1", 0)) as listener,
        _engine_side(app, service, settings, Places(folder=Path(name))) as places,
    ):
        addresses = new_addresses(settings.fronts)
        shared = {"--listener": listener.fileno(), "--buckets": buckets, "--addresses": addresses}
        processes = [front(number, settings, places, shared) for number in range(1, settings.fronts + 1)]
        os.close(addresses)
        try:
            until(lambda: linked(service) == settings.fronts, process=processes[0])
            yield Fronts(processes=processes, port=listener.getsockname()[1])
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)


def linked(service: Service) -> float:
    """How many fronts are."""
    return service.metrics.registry.get_sample_value("nettailor_fronts") or 0.0


@contextlib.contextmanager
def _engine_side(app: ASGIApp, service: Service, settings: ServerSettings, places: Places) -> Iterator[Places]:
    side = _PromptEngineSide(app, service, settings, places)
    thread = threading.Thread(target=side.serve_fronts)
    thread.start()
    try:
        assert side.is_up.wait(30)
        yield places
    finally:
        side.stop()
        thread.join(timeout=30)
        assert not thread.is_alive()


def front(number: int, settings: ServerSettings, places: Places, files: dict[str, int]) -> "subprocess.Popen[bytes]":
    options = {"--folder": places.folder, "--number": number, "--fronts": settings.fronts, **files, "--grace": 3}
    words = [str(word) for option in options.items() for word in option]
    command = [sys.executable, "-m", "server.front", *words, "--service", "server"]
    return subprocess.Popen(command, env=os.environ | environment(settings), pass_fds=list(files.values()))


def environment(settings: ServerSettings) -> dict[str, str]:
    """The settings that were given, as variables."""
    given: dict[str, Any] = settings.model_dump(mode="json", include=settings.model_fields_set)
    return {f"NETTAILOR_{name.upper()}": _text(value) for name, value in given.items() if value is not None}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
