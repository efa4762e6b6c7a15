"""Attacks are equal for equal seeds, and small; what became of one is told apart."""

import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from benchmarks.hostile.attack import Attack
from benchmarks.hostile.materials import materials
from benchmarks.hostile.mutations import mutated
from benchmarks.hostile.ordinary import Names, Operation, ordinary
from benchmarks.hostile.wire import Ending, exchange

_LARGEST = 1 << 20
_OPERATION = Operation(
    method="put",
    path="/tasks/{task}/aliases/{alias}",
    queries=("reason",),
    media_types=("application/json", "multipart/form-data"),
    schema={"properties": {"version": {"type": "integer"}, "reason": {"anyOf": [{"type": "string"}]}}},
)


def attacks(count: int) -> list[Attack]:
    stock, names = materials("prey", "0" * 64), Names(prey=("prey",), jobs=("0" * 32,))
    found = []
    for number in range(count):
        dice = random.Random(number)
        found.append(mutated(ordinary(number, _OPERATION, names, stock, dice), dice))
    return found


def test_the_same_again() -> None:
    first, second = attacks(300), attacks(300)
    assert first == second
    assert len({attack.head() + attack.body for attack in first}) > 250
    assert max(len(attack.head()) + len(attack.body) for attack in first) < _LARGEST


def plain(**changes: object) -> Attack:
    fields = {"method": b"GET", "target": b"/", "headers": (), "body": b"", "length": None} | changes
    return Attack(number=0, kind="ordinary", **fields)  # type: ignore[arg-type]  # of the types of the fields above


@pytest.mark.parametrize(
    ("answer", "ending", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n", Ending.ANSWERED, 204),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Too\r\nContent-Length: 2\r\n\r\nno", Ending.ANSWERED, 413),
        (b"", Ending.CLOSED, 0),
        (None, Ending.HUNG, 0),
    ],
)
def test_what_became_of_it(answer: bytes | None, ending: Ending, status: int) -> None:
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        if answer is None:
            over.wait()
        elif answer:
            connection.sendall(answer)
            over.wait()  # it is kept open: the length says where the answer ends

    with listening(serve) as address:
        outcome = exchange(address, plain(), patience_s=0.2 if answer is None else 60.0)
        over.set()
    assert (outcome.ending, outcome.status) == (ending, status)


def test_the_end_of_what_is_announced_and_never_comes_is_told() -> None:
    read: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        while piece := connection.recv(1 << 16):
            read.append(piece)

    with listening(serve) as address:
        outcome = exchange(address, plain(body=b"abc", length=5), patience_s=60.0)
    assert outcome.ending is Ending.CLOSED
    assert b"".join(read).endswith(b"Content-Length: 5\r\n\r\nabc")


def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    assert exchange(address, plain()).ending is Ending.CLOSED


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """A server of one connection."""

    def run() -> None:
        connection, _ = listener.accept()
        with connection:
            serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()
        thread.join()
