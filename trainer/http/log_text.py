"""The log of a job as text, in the order of time: a line an event, a line for each that its processes printed."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis.asyncio

from hosting.telemetry.redaction import Redactor
from trainer.events import Event, Json
from trainer.http.sse import has_ended
from trainer.jobs import event_stream, log
from trainer.jobs.event_stream import stream_key
from trainer.jobs.log import clean, log_key

LONGEST = event_stream.LENGTH + log.KEPT_LINES
_BATCH = 500
_BLOCK_MS = 5_000


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line. `id` is that of its entry in the stream; the lines of both streams are ordered by it."""

    id: tuple[int, int]
    text: str

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.id[0] / 1000, UTC).isoformat(timespec="milliseconds")
        return f"{at} {self.text}\n"


async def lines(client: "redis.asyncio.Redis", job: str, *, tail: int | None, follow: bool) -> AsyncIterator[str]:
    """Yield every line, or the `tail` last ones; with `follow` also new ones, until the job has ended."""
    redact = Redactor(os.environ)
    after = dict.fromkeys((stream_key(job), log_key(job)), event_stream.START)
    if tail is not None:
        latest = [line for key in after for line in await _latest(client, key, after, tail)]
        for line in sorted(latest, key=lambda line: line.id)[-tail:]:
            yield redact(str(line))
    while True:
        # State before lines: one that is written after this look is still found by the next read.
        ended = not follow or await has_ended(client, job)
        found = await _read(client, after, block=None if ended else _BLOCK_MS)
        for line in found:
            yield redact(str(line))
        if ended and not found:
            return


async def _latest(client: "redis.asyncio.Redis", key: str, after: dict[Any, Any], count: int) -> list[Line]:
    """The last lines of one stream; `after` moves behind them."""
    entries: Any = await client.xrevrange(key, count=count)
    if entries:
        after[key] = entries[0][0].decode()
    return _parse(key, entries)


async def _read(client: "redis.asyncio.Redis", after: dict[Any, Any], *, block: int | None) -> list[Line]:
    """The next lines of both streams, in order; `after` moves behind them."""
    answer: Any = await client.xread(after, count=_BATCH, block=block)
    found = {key.decode(): _parse(key.decode(), entries) for key, entries in answer}
    # Where a stream has more entries, nothing is known yet of the time after the last one that was read.
    horizons = [part[-1].id for part in found.values() if len(part) >= _BATCH]
    together: list[Line] = []
    for key, part in found.items():
        known = [line for line in part if not horizons or line.id <= min(horizons)]
        if known:
            after[key] = "{}-{}".format(*known[-1].id)
        together += known
    return sorted(together, key=lambda line: line.id)


def _parse(key: str, entries: Any) -> list[Line]:
    if key.endswith(":log"):
        return [Line(id=_number(identity), text=f"| {line}") for identity, line in log.parse(entries)]
    return [Line(id=_number(entry.id), text=clean(_text_of(entry.event))) for entry in event_stream.parse(entries)]


def _number(identity: str) -> tuple[int, int]:
    milliseconds, _, number = identity.partition("-")
    return int(milliseconds), int(number)


def _text_of(event: Event) -> str:
    """As in `student epoch: run=student epoch=3 loss=0.51`; of nested fields only an error's detail and a version."""
    fields = " ".join(f"{name}={_shown(value)}" for name, value in event.fields.items() if _shown(value) is not None)
    return f"{event.stage} {event.kind}: {fields}".strip()


def _shown(value: Json) -> str | None:
    if isinstance(value, dict):
        value = value.get("detail") or value.get("version")
    return None if value is None or isinstance(value, list | dict) else str(value)
