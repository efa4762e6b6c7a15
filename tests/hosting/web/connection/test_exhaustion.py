"""A service with few descriptors under more half-sent requests than it has."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.documented import ROOT
from tests.hosting.web.connection.peer import Peer, peer
from tests.processes.ports import free_port
from tests.waiting import until

_FILES = 160
_HALF_SENT = 200
_LIMITED = f"ulimit -n {_FILES}; exec {sys.executable} -m registry"


def _status(port: int, path: str, source: str) -> int:
    try:
        with peer(port, source=source) as client:
            client.send(f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close")
            return client.answer().status
    except ConnectionError:
        return 0


def _half_sent(port: int, stack: ExitStack) -> list[Peer]:
    with ThreadPoolExecutor(_HALF_SENT) as pool:  # together, because a full backlog answers some a second later
        peers = list(pool.map(lambda _: Peer(port), range(_HALF_SENT)))
    for client in peers:
        stack.callback(client.close)
        with suppress(ConnectionError):  # it is one of those that were turned away
            client.socket.sendall(b"GET /tasks HTTP/1.1\r\nHost")
    return peers


def test_others_are_answered_all_the_time_and_the_log_says_so_once(tmp_path: Path) -> None:
    port = free_port()
    names = {"DATA_DIR": tmp_path, "PORT": port, "LOG_LEVEL": "warning", "MAX_CONNECTIONS_PER_ADDRESS": 40}
    names["HEADER_TIMEOUT_SECONDS"] = 2
    environment = os.environ | {f"NETTAILOR_{name}": str(value) for name, value in names.items()}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(["sh", "-c", _LIMITED], env=environment, cwd=ROOT, stderr=log)
    try:
        until(lambda: _status(port, "/readyz", "127.0.0.1") == 200, process=process)
        with ExitStack() as stack:
            peers = _half_sent(port, stack)
            for _ in range(20):
                assert [_status(port, path, "127.0.0.2") for path in ("/healthz", "/readyz")] == [200, 200]
            until(lambda: _status(port, "/healthz", "127.0.0.1") == 200)  # once the half-sent ones are given up
            until(lambda: all(client.has_more() for client in peers))
    finally:
        process.terminate()
        process.wait(60)
    lines = (tmp_path / "log").read_text().splitlines()
    assert 1 <= len(lines) <= 4, lines
