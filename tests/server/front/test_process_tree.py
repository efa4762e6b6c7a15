"""A tree of processes, whose engine is a program that only waits."""

import socket
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from server.front.process_tree import process_tree
from tests.waiting import until

# Notes in a file that it was told to stop, and stops once there is another file.
_ENGINE = """
import pathlib, signal, sys, time
told, go = map(pathlib.Path, sys.argv[1:3])
signal.signal(signal.SIGTERM, lambda number, frame: told.touch())
while not go.exists():
    time.sleep(0.01)  # between looks
"""


def test_the_connections_of_an_address_are_counted_over_all_fronts(tmp_path: Path) -> None:
    """Each front alone would take four."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        tree = process_tree(
            listener,
            engine=[sys.executable, "-c", _ENGINE, str(tmp_path / "told"), str(tmp_path)],
            fronts=2,
            service="server",
            grace_s=1,
            environment={
                "NETTAILOR_DATA_DIR": str(tmp_path / "data"),
                "NETTAILOR_MAX_CONNECTIONS_PER_ADDRESS": "4",
                "NETTAILOR_KEEP_ALIVE_SECONDS": "600",
                "NETTAILOR_HEADER_TIMEOUT_SECONDS": "600",
            },
        )
        stack.enter_context(tree)
        statuses = [_status(stack, listener.getsockname()) for _ in range(8)]
        assert sorted(statuses) == [200] * 4 + [429] * 4


def _status(stack: ExitStack, address: tuple[str, int]) -> int:
    """Of an answer on a new connection, which stays open."""
    peer = stack.enter_context(socket.create_connection(address, timeout=60))
    peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return int(peer.recv(4096).split()[1])


def test_nobody_who_comes_while_the_engine_stops_waits_for_its_end(tmp_path: Path) -> None:
    told, go = tmp_path / "told", tmp_path / "go"
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        host, port = listener.getsockname()
        tree = process_tree(
            listener,
            engine=[sys.executable, "-c", _ENGINE, str(told), str(go)],
            fronts=1,
            service="server",
            grace_s=1,
            environment={"NETTAILOR_DATA_DIR": str(tmp_path / "data")},
        )
        stack.enter_context(tree)
        assert httpx.get(f"http://{host}:{port}/healthz", timeout=60, trust_env=False).status_code == 200
        stopping = threading.Thread(target=stack.close)
        stopping.start()
        try:
            until(told.exists)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((host, port))
        finally:
            go.touch()
            stopping.join(60)
        assert not stopping.is_alive()
