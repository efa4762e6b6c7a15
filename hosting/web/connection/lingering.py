"""Closing without destroying the answer.

A kernel that closes a socket with unread bytes in it, or that still gets some, resets the connection, and the peer's
kernel may then throw away the answer before the peer has read it. So where the peer is still sending, only our
direction is closed, and what comes is read and thrown away for a while (RFC 9112, 9.6).
"""

import asyncio
from collections.abc import Callable
from typing import Any

_JOINED_BYTES = 64 * 1024  # of a piece that is copied to go out with the held one


class LingeringTransport(asyncio.Transport):
    """Another transport, closed with care. `peer_sends` says whether there may be unread bytes under way.

    uvicorn writes an answer's headers and its body apart. Where they come one right after the other, the headers are
    held until then: each piece is a system call, in which the interpreter goes to another thread.
    """

    def __init__(self, transport: asyncio.Transport, peer_sends: Callable[[], bool]) -> None:
        super().__init__()
        self._transport = transport
        self._peer_sends = peer_sends
        self._holds_next = False  # whether the next piece waits for the one after it
        self._held = b""
        self.lingers = False  # whether all has been said, and only the peer's direction is still open

    def close(self) -> None:
        if self.is_closing():
            return
        self._let_go()
        if not (self._peer_sends() and self._transport.can_write_eof()):
            self._transport.close()
            return
        self.lingers = True
        self._transport.resume_reading()
        try:
            self._transport.write_eof()
        except OSError:  # the peer has gone meanwhile
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self.lingers or self._transport.is_closing()

    def hold_next(self) -> None:
        """Keep back the next piece, until another is written or the transport is closed."""
        self._holds_next = True

    def write(self, data: Any) -> None:
        if self._holds_next:
            self._let_go()
            self._holds_next, self._held = False, bytes(data)
        elif self._held and len(data) <= _JOINED_BYTES:
            together, self._held = b"".join((self._held, data)), b""
            self._transport.write(together)
        else:
            self._let_go()
            self._transport.write(data)

    def _let_go(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def get_write_buffer_size(self) -> int:
        """Of what waits for the peer; what is held waits for the app."""
        return self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)
