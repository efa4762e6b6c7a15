"""A real uvicorn in a thread, configured as the services are."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn

from hosting.settings.settings import Settings
from hosting.web.connection.config import BoundedConfig
from hosting.web.process import configured


@contextlib.contextmanager
def served(app: Any, *, access_log: bool = False, settings: Settings | None = None) -> Iterator[str]:
    """The URL of the app, on a free loopback port. `settings` are those of its connections."""
    level = "info" if access_log else "warning"
    chosen = (settings or Settings()).model_copy(update={"log_level": level, "access_log": access_log})
    config = configured(app, chosen)
    config.lifespan = "off"
    with listening(config) as port:
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def listening(config: BoundedConfig) -> Iterator[int]:
    """The port of a server with this configuration."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # connections made before uvicorn is up wait in the queue
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(timeout=30)
