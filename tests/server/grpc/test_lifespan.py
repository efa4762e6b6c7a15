"""What keeps gRPC from being there is told in one line, before anything starts."""

import importlib.util
import socket
from typing import Any

import pytest
from fastapi import FastAPI

from hosting.errors import SettingsInvalid
from server.grpc import lifespan
from server.grpc.lifespan import install_grpc
from server.settings import ServerSettings
from tests.processes.ports import free_port


class _Server:
    """A server of which only the settings are asked."""

    def __init__(self, **settings: Any) -> None:
        self.settings = ServerSettings(**settings)


def installed(**settings: Any) -> bool:
    app, server = FastAPI(), _Server(**settings)
    install_grpc(app, server)  # type: ignore[arg-type]  # the settings are all that it looks at
    return bool(app.user_middleware)


def test_without_a_port_there_is_none() -> None:
    assert not installed()


def test_with_a_port_there_is_one() -> None:
    assert installed(grpc_port=free_port())


def test_a_taken_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsInvalid) as caught:
            installed(grpc_port=port)
    expected = f"NETTAILOR_GRPC_PORT: 127.0.0.1:{port} cannot be listened on: Address already in use"
    assert str(caught.value) == expected


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(name: str) -> Any:
        return None if name == "grpc_reflection" else importlib.util.find_spec(name)

    monkeypatch.setattr(lifespan, "find_spec", found)
    with pytest.raises(SettingsInvalid, match=r"^NETTAILOR_GRPC_PORT: needs the extra grpc, .*no grpc_reflection\)$"):
        installed(grpc_port=free_port())
