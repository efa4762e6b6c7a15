"""Answers that go on while something happens."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from hosting.web.connection.scope import answers_endlessly
from trainer.errors import QueueUnavailable
from trainer.redis_errors import reachable

logger = logging.getLogger(__name__)


class LiveStream(StreamingResponse):
    """Breaks off where Redis is lost, and when the server closes. The last chunk is not sent then, so that the client
    sees that there is more to tell, and asks again."""

    def __init__(self, texts: AsyncGenerator[str, None], **options: Any) -> None:
        super().__init__(texts, **options)
        self._texts = texts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answers_endlessly(scope)
        await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        try:
            with reachable():
                async with aclosing(self._texts):  # also where the client left while a text was being sent
                    await super().stream_response(send)
        except QueueUnavailable as fault:
            logger.warning("a stream broke off: %s", fault)
