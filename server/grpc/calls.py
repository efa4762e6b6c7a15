"""Calls as they come over the wire: read, let through, answered or refused.

Messages are received as bytes, and unary calls are registered as streams of one message, which are the same on the
wire: so a caller without a key is refused before its message is read, and a message that does not come is given up.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from starlette.types import ASGIApp

from hosting.access.keys import Keyring
from hosting.access.route_table import Route
from hosting.errors import KeyMissing, KeyUnknown
from server.errors import RequestMalformed
from server.grpc.caller import Caller, caller_of
from server.grpc.messages.protocol import Message, Method
from server.grpc.messages.size import SMALL_BYTES, check_infer_request
from server.grpc.operations import Operations
from server.grpc.passage import Call, Outcome, passed
from server.grpc.route_declarations import ROUTES
from server.grpc.status import code_of
from server.open_inference.parts import Server

# As uvicorn logs requests, so that both stand in one log.
_access = logging.getLogger("uvicorn.access")
_ACCESS_LINE = '%s - "%s %s HTTP/%s" %d'

Context = Any  # grpc.aio.ServicerContext, which has no types

_MOST_CHARACTERS = 2000  # of an error's text: it travels among the headers, which have a limit
_TRAILING = ("x-request-id", "traceparent", "retry-after")  # what HTTP answers in headers


class Calls:
    """Answers the calls of one server through its app, whose middleware lets them in."""

    def __init__(self, app: ASGIApp, server: Server, operations: Operations) -> None:
        settings = server.settings
        self._app = app
        self._operations = operations
        self._patience_s = settings.transfer_timeout_seconds
        self._is_logged = settings.access_log
        self._keyring = None if settings.keys_file is None else Keyring(settings.keys_file)

    def handler(self, method: Method) -> grpc.RpcMethodHandler:
        if method.is_stream:
            return grpc.stream_stream_rpc_method_handler(partial(self._stream, method))
        return grpc.stream_unary_rpc_method_handler(partial(self._unary, method))

    async def _unary(self, method: Method, _: object, context: Context) -> bytes:
        caller = caller_of(context.invocation_metadata(), context.peer())
        raw = await self._message(ROUTES[method.name], caller, context)
        response = method.response()
        outcome = await self._passed(method, raw, response, caller, context)
        trailing = _trailing(outcome)
        if not outcome.succeeded:
            await context.abort(code_of(outcome.status), outcome.error[:_MOST_CHARACTERS], trailing)
        context.set_trailing_metadata(trailing)
        return bytes(response.SerializeToString())

    async def _stream(self, method: Method, _: object, context: Context) -> AsyncIterator[bytes]:
        """Each message is let in and answered as a call of its own. One that fails says so and ends nothing."""
        caller = caller_of(context.invocation_metadata(), context.peer())
        if not self._is_known(ROUTES[method.name], caller):
            await self._unary(method, None, context)  # which refuses it
        while (raw := await context.read()) is not grpc.aio.EOF:
            response = method.response()
            outcome = await self._passed(method, raw, response, caller, context)
            if not outcome.succeeded:
                response = method.response(error_message=outcome.error[:_MOST_CHARACTERS])
            yield response.SerializeToString()

    async def _message(self, route: Route, caller: Caller, context: Context) -> bytes:
        """The one message of a unary call; nothing of a caller without a key, who will be refused whatever it says."""
        if not self._is_known(route, caller):
            return b""
        try:
            async with asyncio.timeout(self._patience_s):
                raw = await context.read()
        except TimeoutError:
            reason = f"the message did not come within {self._patience_s:g} s"
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, reason)
        if raw is grpc.aio.EOF:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the call has no message")
        return bytes(raw)

    def _is_known(self, route: Route, caller: Caller) -> bool:
        if self._keyring is None or route.scope is None:
            return True
        try:
            self._keyring.holder(caller.authorization)
        except (KeyMissing, KeyUnknown):
            return False
        return True

    async def _passed(self, method: Method, raw: bytes, response: Message, caller: Caller, context: Context) -> Outcome:
        """Fill the response to a message, if it is let through."""
        operation = self._operations.by_name[method.name]
        message, fault = _parsed(method, raw)

        async def work() -> None:
            if fault is not None:
                raise fault
            await operation(message, response, context.time_remaining())

        route = ROUTES[method.name]
        call = Call(
            route=route,
            parameters=_parameters(message),
            headers=caller.headers,
            client=caller.address,
            body=raw,
            work=work,
        )
        outcome = await passed(self._app, call)
        if self._is_logged:
            host, port = caller.address or ("-", 0)
            _access.info(_ACCESS_LINE, f"{host}:{port}", route.method, route.path, "2", outcome.status)
        return outcome


def _parsed(method: Method, raw: bytes) -> tuple[Message, RequestMalformed | None]:
    """A message, or an empty one and what is wrong with it: that is told after its caller was let in."""
    try:
        if ROUTES[method.name].is_prediction:
            check_infer_request(raw)
        elif len(raw) > SMALL_BYTES:
            raise RequestMalformed("message", f"it has {len(raw)} bytes, and none of its kind needs so many")
        return method.request.FromString(raw), None
    except RequestMalformed as fault:
        return method.request(), fault
    except DecodeError:
        return method.request(), RequestMalformed("message", f"it is no {method.request.DESCRIPTOR.name}")


def _parameters(message: Message) -> dict[str, str]:
    """The task and the version that a message names, as a route's path would."""
    fields = message.DESCRIPTOR.fields_by_name
    found = {}
    for parameter, names in (("task", ("model_name", "name")), ("version", ("model_version", "version"))):
        value = next((getattr(message, name) for name in names if name in fields), "")
        if value:
            found[parameter] = value
    return found


def _trailing(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    return tuple((name, outcome.headers[name]) for name in _TRAILING if name in outcome.headers)
