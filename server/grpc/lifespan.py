"""Whether there is a gRPC server, and when: as long as the app runs. Nothing here needs the extra."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec

from fastapi import FastAPI

from hosting.errors import SettingsInvalid
from server.grpc.passage import WorkOfCalls
from server.open_inference.parts import Server

_PORT = "NETTAILOR_GRPC_PORT"
_LIBRARIES = ("grpc", "grpc_health", "grpc_reflection")


def install_grpc(app: FastAPI, server: Server) -> None:
    """Let calls through the app, where the settings name a port for them. Called before `install_access`.

    Raises `SettingsInvalid` without the extra `grpc`, and for a port that is taken.
    """
    settings = server.settings
    if not settings.grpc_port:
        return
    missing = [library for library in _LIBRARIES if find_spec(library) is None]
    if missing:
        reason = f"needs the extra grpc, pip install 'nettailor-server[grpc]' (there is no {missing[0]})"
        raise SettingsInvalid([(_PORT, reason)])
    _check_free(settings.host, settings.grpc_port)
    app.add_middleware(WorkOfCalls)


def _check_free(host: str, port: int) -> None:
    """Raises `SettingsInvalid` where gRPC could not listen: known before seconds of starting, and with the reason."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = f"{host}:{port} cannot be listened on: {error.strerror or error}"
            raise SettingsInvalid([(_PORT, reason)]) from error


@asynccontextmanager
async def serving_grpc(app: FastAPI, server: Server) -> AsyncIterator[None]:
    """A context in which calls are answered, where the settings want that. Raises `SettingsInvalid`."""
    settings = server.settings
    if not settings.grpc_port:
        yield
        return
    from server.grpc.endpoint import Endpoint

    endpoint = Endpoint(app, server, host=settings.host, port=settings.grpc_port)
    await endpoint.start()
    try:
        yield
    finally:
        await endpoint.stop()
