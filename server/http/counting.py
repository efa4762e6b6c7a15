"""Every prediction is counted, whatever became of it."""

import time
from collections.abc import Awaitable, Callable, Sequence

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from hosting.web.problem import CLIENT_GONE, ProblemTable
from server.http.problems import status_in
from server.prediction.parts import PredictionServer

_REJECTED = (400, 413, 415, 422, 429)  # before anything ran


async def counted(
    server: PredictionServer, tasks: Sequence[str], answer: Callable[[], Awaitable[Response]], table: ProblemTable
) -> Response:
    """Count an answer or an error, whose status the table has, by its tasks, known or not."""
    began_at, code = time.monotonic(), CLIENT_GONE
    try:
        with server.answering():
            response = await answer()
        code = response.status_code
        return response
    except Exception as failure:  # only looked at: others answer it
        code = _status(failure, table)
        if code in _REJECTED:
            server.metrics.refused(type(failure).__name__)
        raise
    finally:
        server.metrics.answered(tasks, code, time.monotonic() - began_at)


def _status(failure: Exception, table: ProblemTable) -> int:
    if isinstance(failure, RequestValidationError):
        return 422
    if isinstance(failure, ClientDisconnect):
        return CLIENT_GONE
    return failure.status_code if isinstance(failure, HTTPException) else status_in(table, failure)
