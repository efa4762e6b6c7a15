"""Server-sent events, as the WHATWG standard writes them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ServerSentEvent:
    id: str | None
    event: str
    data: dict[str, Any] = field(default_factory=dict)  # the event's JSON


def parse_events(lines: Iterable[str]) -> Iterator[ServerSentEvent]:
    """The events in the lines of a stream; one that is cut off at the end is left out."""
    fields: dict[str, str] = {}
    data: list[str] = []
    last: str | None = None
    for line in lines:
        if not line:
            if data:
                last = fields.get("id", last)
                yield ServerSentEvent(id=last, event=fields.get("event", "message"), data=json.loads("\n".join(data)))
            fields, data = {}, []
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            else:
                fields[name] = value
