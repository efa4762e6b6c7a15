"""A real uvicorn in a thread, configured as the services are."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn

from hosting.settings.settings import Settings
from hosting.web.connection.config import BoundedConfig
from hosting.web.process import configured

_LOOK_SECONDS = 0.1  # between uvicorn's looks at what it was told
_CLOSING_POLL_SECONDS = 0.001


class PromptServer(uvicorn.Server):
    """Ends at once when told to. uvicorn looks ten times a second whether it was, and pauses before it closes, which
    is a sixth of a second for each of a thousand tests.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """From any thread."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _LOOK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._requests_end(), self.config.timeout_graceful_shutdown)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()

    async def _requests_end(self) -> None:
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(_CLOSING_POLL_SECONDS)


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
        server = PromptServer(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.stop()
            thread.join(timeout=30)
