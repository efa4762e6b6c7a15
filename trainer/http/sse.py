"""The events of a job as server-sent events: replay from `Last-Event-ID`, then live until the job has ended."""

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import redis.asyncio

from trainer.jobs.event_stream import Entry, parse, stream_key
from trainer.jobs.job import ENDED
from trainer.jobs.store import job_key

MEDIA_TYPE = "text/event-stream"
_BATCH = 200
_BLOCK_MS = 5_000
_SILENCE_BLOCKS = 3  # comment lines keep proxies from closing a quiet stream


async def follow(client: "redis.asyncio.Redis", job: str, after: str) -> AsyncIterator[str]:
    """Yield the SSE text of every event after an id, until the job has ended and all its events are sent."""
    silent = 0
    while True:
        # State before events: an event written after this look is still found by the next read.
        ended = await has_ended(client, job)
        block = None if ended else _BLOCK_MS
        answer: Any = await client.xread({stream_key(job): after}, count=_BATCH, block=block)
        entries = parse(answer[0][1]) if answer else []
        for entry in entries:
            yield message(entry)
            after = entry.id
        if ended and not entries:
            return
        silent = 0 if entries else silent + 1
        if silent >= _SILENCE_BLOCKS:
            silent = 0
            yield ": still there\n\n"


def message(entry: Entry) -> str:
    data = {**dataclasses.asdict(entry.event), "at": entry.at}
    text = json.dumps(data, separators=(",", ":"))
    return f"id: {entry.id}\nevent: {entry.event.kind}\ndata: {text}\n\n"


async def has_ended(client: "redis.asyncio.Redis", job: str) -> bool:
    """Whether the job is done, or not there at all."""
    document: Any = await client.hget(job_key(job), "document")
    return document is None or json.loads(document)["state"] in ENDED
