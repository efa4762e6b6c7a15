"""Counting predictions that come by gRPC as those are counted that come by HTTP."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from hosting.web.problems import CLIENT_GONE
from server.http.problems import status_of
from server.open_inference.parts import Server
from server.prediction.routing import parse_target

_REFUSED = (413, 415, 422, 429)  # statuses of requests that were refused before they ran


@contextmanager
def counted(server: Server, name: str) -> Iterator[None]:
    """A context to answer a prediction in, so that it is awaited when the server stops, and counted by the status that
    HTTP has for its end. Raises `NotReady` when draining."""
    began_at, code = time.monotonic(), CLIENT_GONE
    try:
        with server.answering():
            yield
        code = 200
    except Exception as failure:  # only looked at: whoever called answers it
        code = status_of(failure)
        if code in _REFUSED:
            server.metrics.rejected.labels(type(failure).__name__).inc()
        raise
    finally:
        server.metrics.answered([parse_target(name).task], code, time.monotonic() - began_at)
