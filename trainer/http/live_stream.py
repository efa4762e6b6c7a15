"""Answers that go on while something happens."""

import logging

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from hosting.web.connection.scope import answers_endlessly
from trainer.errors import QueueUnavailable
from trainer.redis_errors import reachable

logger = logging.getLogger(__name__)


class LiveStream(StreamingResponse):
    """Breaks off where Redis is lost, and when the server closes. The last chunk is not sent then, so that the client
    sees that there is more to tell, and asks again."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answers_endlessly(scope)
        await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        try:
            with reachable():
                await super().stream_response(send)
        except QueueUnavailable as fault:
            logger.warning("a stream broke off: %s", fault)
