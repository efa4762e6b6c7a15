"""What a transport writes, and when. How it closes is asked over sockets (`test_exchange`, `test_protocol`)."""

import asyncio
from typing import Any
from unittest import mock

import pytest

from hosting.web.connection.lingering import LingeringTransport


@pytest.fixture
def below() -> Any:
    transport = mock.create_autospec(asyncio.Transport, instance=True)
    transport.is_closing.return_value = False
    transport.get_write_buffer_size.return_value = 5
    return transport


@pytest.fixture
def transport(below: Any) -> LingeringTransport:
    return LingeringTransport(below, lambda: False)


def written(below: Any) -> list[bytes]:
    return [call.args[0] for call in below.write.call_args_list]


def test_a_held_piece_goes_out_with_the_next_one_and_no_later_one_is_held(
    transport: LingeringTransport, below: Any
) -> None:
    transport.hold_next()
    transport.write(b"head")
    # Or a client would be ended for not reading what an app is late with.
    assert (written(below), transport.get_write_buffer_size()) == ([], 5)
    transport.write(b"body")
    transport.write(b"more")
    assert (written(below), transport.get_write_buffer_size()) == ([b"headbody", b"more"], 5)


def test_an_empty_piece_lets_the_held_one_go(transport: LingeringTransport, below: Any) -> None:
    transport.hold_next()
    transport.write(b"head")
    transport.write(b"")
    assert written(below) == [b"head"]


def test_a_large_piece_is_not_copied(transport: LingeringTransport, below: Any) -> None:
    large = bytes(100_000)
    transport.hold_next()
    transport.write(b"head")
    transport.write(large)
    assert written(below) == [b"head", large]
    assert below.write.call_args.args[0] is large


def test_what_is_held_goes_out_before_the_end(transport: LingeringTransport, below: Any) -> None:
    transport.hold_next()
    transport.write(b"head")
    transport.close()
    assert written(below) == [b"head"]
    below.close.assert_called_once_with()
