"""The first words of a link: each end says which version it speaks and hands over a file (torch-free).

Both are called in threads, with sockets that block and have a timeout.
"""

import os
import socket

from hosting.processes.shared_memory import receive_with_files, send_with_files
from server.errors import LinkBroken
from server.link.frames import VERSION, Frame, FrameReader, Kind

_MOST_BYTES = 4096  # of a first word


def greet(peer: socket.socket, front: int, pool: int) -> int:
    """The front's part: hand over the pool's descriptor, get the board's. Raises `LinkBroken`, `OSError`."""
    hello = Frame(kind=Kind.HELLO, document={"version": VERSION, "front": front})
    send_with_files(peer, hello.encoded(), [pool])
    _, board = _first_word(peer, Kind.WELCOME)
    return board


def welcome(peer: socket.socket, board: int) -> tuple[int, int]:
    """The engine's part: the number of the front, and its pool's descriptor. Raises `LinkBroken`, `OSError`."""
    hello, pool = _first_word(peer, Kind.HELLO)
    try:
        front = int(hello.document["front"])
        send_with_files(peer, Frame(kind=Kind.WELCOME, document={"version": VERSION}).encoded(), [board])
    except (KeyError, TypeError, ValueError, OSError) as fault:  # the last of a front that was killed just now
        os.close(pool)
        raise LinkBroken(f"its first word cannot be answered: {fault!r}") from fault
    return front, pool


def _first_word(peer: socket.socket, kind: Kind) -> tuple[Frame, int]:
    data, descriptors = receive_with_files(peer, _MOST_BYTES, 1)
    try:
        frame = next(FrameReader().feed(data), None)
        if frame is None or frame.kind is not kind or len(descriptors) != 1:
            raise LinkBroken(f"its first word is no {kind.name}")
        if frame.document.get("version") != VERSION:
            raise LinkBroken(f"the other end speaks version {frame.document.get('version')}, this one {VERSION}")
    except LinkBroken:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return frame, descriptors[0]
