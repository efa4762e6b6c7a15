"""The events of a job as a Redis stream: written in order, replayed from any id, followed live."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nettailor.plain_text import mended
from trainer.events import Event

START = "0-0"
LENGTH = 20_000  # events kept a job; a long tailoring makes about a thousand


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An event with its place in the stream ("<milliseconds>-<number>") and the time it was written."""

    id: str
    event: Event

    @property
    def at(self) -> str:
        milliseconds = int(self.id.partition("-")[0])
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def stream_key(job: str) -> str:
    return f"nettailor:job:{job}:events"


def append(pipeline: Any, job: str, event: Event) -> None:
    """Add an event within a transaction (or at once, on a plain client)."""
    document = json.dumps(mended(dataclasses.asdict(event)), separators=(",", ":"), allow_nan=False)
    pipeline.xadd(stream_key(job), {"event": document}, maxlen=LENGTH, approximate=True)


def parse(entries: list[tuple[bytes, Mapping[bytes, bytes]]]) -> list[Entry]:
    """The entries in an answer of XRANGE or XREAD."""
    return [Entry(id=key.decode(), event=Event(**mended(json.loads(fields[b"event"])))) for key, fields in entries]
