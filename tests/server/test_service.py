"""A server as a process of its own: warm before it is ready, and how it takes its leave."""

import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from safetensors.torch import save_file

from nettailor.network.backbones import canonical_tensors
from registry.registry import Registry
from server.engine.engine import Engine
from server.errors import NotReady
from server.service import Service
from server.settings import ServerSettings
from tests.documented import ROOT
from tests.processes.ports import free_port
from tests.server.asking import FILES, assert_answers, publish
from tests.server.grpc.calling import calling, images
from tests.server.measured_once import measured_once
from tests.server.oracle import backbone
from tests.waiting import until

_PATIENCE_S = 180.0  # a busy machine imports torch slowly


def test_the_engine_is_warm_before_the_server_is_ready(
    server_settings: ServerSettings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(server_settings, registry, backbone=backbone())
    seen: list[tuple[str, int]] = []
    warm_up = Engine.warm_up

    def watched(engine: Engine, side: int) -> None:
        seen.append((service.state, side))
        with pytest.raises(NotReady):
            _ = service.parts
        warm_up(engine, side)

    monkeypatch.setattr(Engine, "warm_up", watched)
    with measured_once():
        service.start()
    try:
        assert seen == [("starting", 32)]
        assert (service.state, service.parts.routing.synchronised) == ("ready", True)
    finally:
        service.stop()


@pytest.fixture
def process(tmp_path: Path, redis_url: str, registry: Registry) -> Iterator[tuple["subprocess.Popen[bytes]", int, int]]:
    """`python -m server` over the test's registry, and its ports for HTTP and gRPC."""
    save_file(canonical_tensors(backbone()), tmp_path / "mini26.safetensors")
    port, grpc_port = free_port(), free_port()
    names = {"DATA_DIR": tmp_path, "REDIS_URL": redis_url, "PORT": port, "DEVICE": "cpu", "LOG_LEVEL": "warning"}
    names["GRPC_PORT"] = grpc_port
    names["BACKBONE_WEIGHTS"] = tmp_path / "mini26.safetensors"
    environment = os.environ | {f"NETTAILOR_{name}": str(value) for name, value in names.items()}
    started = subprocess.Popen([sys.executable, "-m", "server"], env=environment, cwd=ROOT)
    try:
        yield started, port, grpc_port
    finally:
        started.kill()
        started.wait()


def _readiness(url: str, status: int) -> httpx.Response | None:
    """The answer of /readyz, if it has this status."""
    with contextlib.suppress(httpx.TransportError):
        answer = httpx.get(f"{url}/readyz", trust_env=False)
        if answer.status_code == status:
            return answer
    return None


def test_sigterm_answers_what_was_accepted_refuses_what_is_new_and_ends_with_0(
    process: tuple["subprocess.Popen[bytes]", int, int], registry: Registry
) -> None:
    server, port, grpc_port = process
    data, url = publish(registry), f"http://127.0.0.1:{port}"
    until(functools.partial(_readiness, url, 200))
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S) as accepted:
        head = f"POST /tasks/signs/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(FILES[0])}\r\n"
        accepted.sendall(f"{head}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())
        assert b"100 Continue" in accepted.recv(1000)  # it reads the body, so the request is accepted
        server.send_signal(signal.SIGTERM)
        assert "draining" in until(functools.partial(_readiness, url, 503)).json()["detail"]
        refused = httpx.post(f"{url}/tasks/signs/predict", content=FILES[0], trust_env=False)
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:nettailor:problem:not-ready")
        assert refused.headers["retry-after"] == "1"
        with calling(grpc_port) as caller:
            assert HealthStub(caller.channel).Check(HealthCheckRequest()).status == HealthCheckResponse.NOT_SERVING
            refusal = grpc.StatusCode.UNAVAILABLE, "the server is draining"
            assert caller.refused("ModelInfer", request=images(FILES[0])) == refusal
        assert server.poll() is None
        accepted.sendall(FILES[0])
        answer = b"".join(iter(lambda: accepted.recv(65536), b""))
    status, _, body = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 200")
    assert_answers(httpx.Response(200, content=body).json(), data, [0])
    assert server.wait(_PATIENCE_S) == 0
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass
