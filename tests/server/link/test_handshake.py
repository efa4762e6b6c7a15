"""The first words of a link: whoever does not say them properly is not let in, and leaves no open file."""

import os
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from hosting.processes.shared_memory import new_file, send_with_files
from server.errors import LinkBroken
from server.link.frames import VERSION, Frame, Kind
from server.link.handshake import greet, welcome

_WHOLE = {"version": VERSION, "front": 3}


@pytest.fixture
def file() -> Iterator[int]:
    descriptor = new_file("file", 4096)
    yield descriptor
    os.close(descriptor)


def _next_free() -> int:
    """The number of the file that is opened next."""
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def _hello(peer: socket.socket, file: int, document: Mapping[str, Any]) -> None:
    send_with_files(peer, Frame(kind=Kind.HELLO, document=document).encoded(), [file])


def test_each_end_has_the_file_of_the_other(file: int) -> None:
    front, engine = socket.socketpair()
    with front, engine:
        _hello(front, file, _WHOLE)
        number, pool = welcome(engine, file)
        os.close(pool)
        assert number == 3


@pytest.mark.parametrize(
    "document", [{"version": VERSION}, {"version": VERSION, "front": "first"}, {"version": VERSION + 1, "front": 3}]
)
def test_a_front_that_sends_nonsense_leaves_no_open_file(file: int, document: Mapping[str, Any]) -> None:
    front, engine = socket.socketpair()
    with front, engine:
        _hello(front, file, document)
        before = _next_free()
        with pytest.raises(LinkBroken):
            welcome(engine, file)
        assert _next_free() == before


def test_a_front_that_is_killed_before_it_is_welcome_leaves_no_open_file(file: int) -> None:
    front, engine = socket.socketpair()
    with engine:
        with front:
            _hello(front, file, _WHOLE)
        before = _next_free()
        with pytest.raises(LinkBroken):
            welcome(engine, file)
        assert _next_free() == before


def test_an_engine_that_is_killed_before_it_welcomes_is_none(file: int) -> None:
    front, engine = socket.socketpair()
    engine.close()
    with front, pytest.raises((LinkBroken, OSError)):
        greet(front, 1, file)
