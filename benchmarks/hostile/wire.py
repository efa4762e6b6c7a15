"""A request on a connection of its own, and what became of it."""

import re
import selectors
import socket
import time
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.hostile.attack import Attack

PATIENCE_S = 10.0  # for the first line of an answer
_REST_S = 1.0  # for the rest of one that may never end, such as a job's events
_ENOUGH = 1 << 16  # bytes of an answer; its head is what counts
_PIECE = 1 << 16
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CONTINUE = b"HTTP/1.1 100"


class Ending(StrEnum):
    ANSWERED = "answered"
    CLOSED = "closed"  # without an answer, or nobody was there
    HUNG = "hung"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    ending: Ending
    status: int  # 0 if there was no answer
    answer: bytes  # its beginning
    began: float  # monotonic seconds
    ended: float


def exchange(address: tuple[str, int], attack: Attack, *, patience_s: float = PATIENCE_S) -> Outcome:
    """Send while reading, since a refusal may come before everything is sent."""
    talk = _Talk(attack, patience_s)
    try:
        with socket.create_connection(address, timeout=patience_s) as connection:
            talk.with_server(connection)
    except OSError:
        pass  # nobody is there, or it was reset: what was read until then counts
    return talk.outcome()


class _Talk:
    def __init__(self, attack: Attack, patience_s: float) -> None:
        self._attack, self._patience_s = attack, patience_s
        self._rest = memoryview(attack.head() + attack.body)
        self._received = bytearray()
        self._hung = False
        self._began = time.monotonic()
        self._answered_at = 0.0

    def with_server(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while (left := self._seconds_left()) > 0:
                for _, ready in selector.select(left):
                    if ready & selectors.EVENT_READ and not self._receive(connection):
                        return
                    if ready & selectors.EVENT_WRITE:
                        self._send(connection, selector)
        self._hung = not self._received

    def outcome(self) -> Outcome:
        words = self._final_answer()[:64].split(b" ", 2)
        status = int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() else 0
        ending = Ending.ANSWERED if status else Ending.HUNG if self._hung else Ending.CLOSED
        answer = bytes(self._received)
        return Outcome(ending=ending, status=status, answer=answer, began=self._began, ended=time.monotonic())

    def _send(self, connection: socket.socket, selector: selectors.BaseSelector) -> None:
        if self._rest:
            self._rest = self._rest[connection.send(self._rest[:_PIECE]) :]
        if self._rest:
            return
        selector.modify(connection, selectors.EVENT_READ)
        if self._attack.is_short:
            connection.shutdown(socket.SHUT_WR)  # what was announced never comes

    def _receive(self, connection: socket.socket) -> bool:
        """Whether more is to come."""
        piece = connection.recv(_PIECE)
        if not self._received:
            self._answered_at = time.monotonic()
        self._received += piece
        return bool(piece) and not self._is_complete()

    def _is_complete(self) -> bool:
        head, end, body = self._final_answer().partition(_HEAD_END)
        if not end or len(self._received) >= _ENOUGH:
            return bool(end)
        told = _LENGTH.search(head)
        return self._attack.method == b"HEAD" or (told is not None and len(body) >= int(told[1]))

    def _final_answer(self) -> bytes:
        """Behind "100 Continue"."""
        answer = bytes(self._received)
        return answer.partition(_HEAD_END)[2] if answer.startswith(_CONTINUE) else answer

    def _seconds_left(self) -> float:
        until = self._answered_at + _REST_S if self._received else self._began + self._patience_s
        return until - time.monotonic()
