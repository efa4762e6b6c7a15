"""`/metrics`: made in a thread of its own, so that it is there while all threads of requests wait for something."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from fastapi import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


class MetricsPage:
    """The page of one app."""

    def __init__(self, metrics: CollectorRegistry) -> None:
        self._metrics = metrics
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")

    async def answer(self) -> Response:
        loop = asyncio.get_running_loop()
        page = await loop.run_in_executor(self._thread, generate_latest, self._metrics)
        return Response(page, media_type=CONTENT_TYPE_LATEST)
