"""Server-sent events, as the WHATWG standard writes them."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ServerSentEvent:
    id: str | None
    event: str
    data: str


@dataclass(kw_only=True)
class EventParser:
    """Takes the lines of a stream, one by one; one event is done where a line is empty. What is cut off at the end
    never is."""

    _fields: dict[str, str] = field(default_factory=dict, init=False)
    _data: list[str] = field(default_factory=list, init=False)
    _last: str | None = field(default=None, init=False)

    def take(self, line: str) -> Iterator[ServerSentEvent]:
        if not line:
            yield from self._done()
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            self._keep(name, value.removeprefix(" "))

    def _keep(self, name: str, value: str) -> None:
        if name == "data":
            self._data.append(value)
        else:
            self._fields[name] = value

    def _done(self) -> Iterator[ServerSentEvent]:
        fields, data = self._fields, self._data
        self._fields, self._data = {}, []
        if data:
            self._last = fields.get("id", self._last)
            yield ServerSentEvent(id=self._last, event=fields.get("event", "message"), data="\n".join(data))
