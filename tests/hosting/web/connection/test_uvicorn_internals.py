"""What `BoundedProtocol` and `Exchange` need of uvicorn beyond its documentation.

Where this fails with a newer uvicorn, look at both, then move the bound in pyproject.toml.
"""

import asyncio
import inspect
from types import FunctionType

import pytest
import uvloop
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from hosting.settings.settings import Settings
from hosting.web.connection.protocol import BoundedProtocol
from hosting.web.process import configured
from tests.hosting.web.connection.peer import House

_OWN = {  # methods that nothing of uvicorn calls
    *("_feed", "_check_size", "look", "_reads_too_slowly", "_look_at_phase", "_phase", "_give_up_head"),
    *("_turn_away", "_refuse", "_peer_sends", "_tells_endlessly"),
}
_OF_CONNECTION = {
    *(
        "client",
        "cycle",
        "flow",
        "headers",
        "parser",
        "pipeline",
        "server_state",
        "timeout_keep_alive_task",
        "transport",
    ),
}
_OF_REQUEST = {
    *("chunked_encoding", "disconnected", "expected_content_length", "keep_alive", "message_event", "more_body"),
    *("response_complete", "response_started", "scope", "waiting_for_100_continue"),
}


def test_every_overridden_method_is_one_of_uvicorn_with_the_same_parameters() -> None:
    overridden = {name for name, found in vars(BoundedProtocol).items() if inspect.isfunction(found)} - _OWN
    assert len(overridden) == 13
    for name in overridden:
        theirs = inspect.signature(getattr(HttpToolsProtocol, name))
        ours = inspect.signature(getattr(BoundedProtocol, name))
        assert list(ours.parameters) == list(theirs.parameters), name


def test_uvicorn_keeps_what_is_read_and_set_there() -> None:
    async def attributes() -> set[str]:
        protocol = BoundedProtocol(configured(House().app(), Settings()), ServerState(), {})
        return set(vars(protocol))

    assert asyncio.run(attributes()) >= _OF_CONNECTION
    code = RequestResponseCycle.__init__.__code__
    assert {*code.co_names, *code.co_varnames} >= _OF_REQUEST


def test_uvicorn_runs_on_uvloop() -> None:
    assert configured(None, Settings()).get_loop_factory() is uvloop.new_event_loop


@pytest.mark.parametrize(
    ("method", "calls"),
    [
        (HttpToolsProtocol.on_headers_complete, "_start_asgi_task"),  # where `Exchange` comes in
        (HttpToolsProtocol.on_response_complete, "_start_asgi_task"),  # for pipelined requests
        (HttpToolsProtocol.data_received, "_unset_keepalive_if_required"),  # which ours does, too
        (RequestResponseCycle.send, "close"),  # what `LingeringTransport` is for
    ],
)
def test_uvicorn_calls_what_is_overridden(method: FunctionType, calls: str) -> None:
    assert calls in method.__code__.co_names


def test_uvicorn_takes_the_transport_it_was_given() -> None:
    """And hands it on to every request, or closing would not be ours."""
    source = inspect.getsource(httptools_impl.HttpToolsProtocol.on_headers_complete)
    assert "transport=self.transport" in source
    assert "flow=self.flow" in source
