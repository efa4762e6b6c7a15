"""Starting and stopping a real server."""

import contextlib
import io
import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx
import numpy as np
import uvicorn
from numpy.typing import NDArray
from PIL import Image

from hosting.access.rates.shared_buckets import new_buckets
from hosting.web.process import configured
from registry.registry import Registry
from server.app import create_app
from server.front.engine_side import shared_buckets
from server.service import Service
from server.settings import ServerSettings
from tests.server import fronts
from tests.server.measured_once import measured_once
from tests.server.oracle import backbone
from tests.serving import PromptServer


@dataclass(frozen=True, kw_only=True)
class Running:
    service: Service
    client: httpx.Client
    registry: Registry
    fronts: Sequence["subprocess.Popen[bytes]"] = ()


@contextlib.contextmanager
def running(settings: ServerSettings, registry: Registry) -> Iterator[Running]:
    """A server with the tests' backbone, ready to be asked. Where the settings say so it is behind fronts, which are
    processes."""
    started = _behind_fronts(settings, registry) if settings.fronts else _in_a_thread(settings, registry)
    with measured_once(), started as server:
        yield server


@contextlib.contextmanager
def _behind_fronts(settings: ServerSettings, registry: Registry) -> Iterator[Running]:
    service = Service(settings, registry, backbone=backbone())
    buckets = new_buckets()
    app = create_app(settings, registry, service=service, buckets=shared_buckets(settings, buckets))
    service.start()
    with (
        fronts.before(app, service, settings, buckets) as started,
        httpx.Client(base_url=f"http://127.0.0.1:{started.port}", timeout=30) as client,
    ):
        yield Running(service=service, client=client, registry=registry, fronts=started.processes)
    os.close(buckets)


@contextlib.contextmanager
def _in_a_thread(settings: ServerSettings, registry: Registry) -> Iterator[Running]:
    service = Service(settings, registry, backbone=backbone())
    started = threading.Event()
    app = create_app(settings, registry, service=service)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        # A client's thread on a busy machine may take longer than uvicorn's 5 s between two requests.
        patient = settings.model_copy(update={"log_level": "warning", "keep_alive_seconds": 60})
        config = configured(app, patient)
        server = _Announcing(config, started)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert started.wait(30)
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=30) as client:
                yield Running(service=service, client=client, registry=registry)
        finally:
            server.stop()
            thread.join(timeout=30)
            assert not thread.is_alive()


class _Announcing(PromptServer):
    def __init__(self, config: uvicorn.Config, started: threading.Event) -> None:
        super().__init__(config)
        self._announcement = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announcement.set()


def png(pixels: NDArray[np.uint8]) -> bytes:
    """An image file of (3, H, W) pixels."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(buffer, "PNG")
    return buffer.getvalue()
