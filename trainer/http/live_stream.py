"""Answers that go on while something happens."""

import logging

from fastapi.responses import StreamingResponse
from starlette.types import Send

from trainer.errors import QueueUnavailable
from trainer.redis_errors import reachable

logger = logging.getLogger(__name__)


class LiveStream(StreamingResponse):
    """Breaks off where Redis is lost. The last chunk is not sent then, so that the client sees that there is more to
    tell, and asks again."""

    async def stream_response(self, send: Send) -> None:
        try:
            with reachable():
                await super().stream_response(send)
        except QueueUnavailable as fault:
            logger.warning("a stream broke off: %s", fault)
