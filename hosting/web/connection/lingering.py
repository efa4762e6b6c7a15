"""Closing without destroying the answer.

A kernel that closes a socket with unread bytes in it, or that still gets some, resets the connection, and the peer's
kernel may then throw away the answer before the peer has read it. So where the peer is still sending, only our
direction is closed, and what comes is read and thrown away for a while (RFC 9112, 9.6).
"""

import asyncio
from collections.abc import Callable
from typing import Any


class LingeringTransport(asyncio.Transport):
    """Another transport, closed with care. `peer_sends` says whether there may be unread bytes under way."""

    def __init__(self, transport: asyncio.Transport, peer_sends: Callable[[], bool]) -> None:
        super().__init__()
        self._transport = transport
        self._peer_sends = peer_sends
        self.lingers = False  # whether all has been said, and only the peer's direction is still open

    def close(self) -> None:
        if self.is_closing():
            return
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

    def write(self, data: Any) -> None:
        self._transport.write(data)

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)
