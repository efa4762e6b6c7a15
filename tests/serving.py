"""A real uvicorn in a thread."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI


@contextlib.contextmanager
def served(app: FastAPI, *, access_log: bool = False) -> Iterator[str]:
    """The URL of the app, on a free loopback port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # connections made before uvicorn is up wait in the queue
        level = "info" if access_log else "warning"
        config = uvicorn.Config(
            app, loop="asyncio", log_level=level, lifespan="off", log_config=None, access_log=access_log
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)
