"""Traces of a test, kept in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from hosting.telemetry import tracing
from tests.waiting import until


class _Keep(SpanProcessor):
    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


@contextmanager
def kept_spans() -> Iterator[list[ReadableSpan]]:
    """Spans in the order in which they end."""
    keep, provider = _Keep(), TracerProvider()
    provider.add_span_processor(keep)
    tracing.use(provider)
    try:
        yield keep.ended
    finally:
        tracing.use(None)


def ended(spans: list[ReadableSpan], name: str) -> ReadableSpan:
    """The span of this name, once it has ended: a request's own ends after its answer is on its way."""
    found = until(lambda: by_name(list(spans)).get(name), f"the span {name}")
    assert isinstance(found, ReadableSpan)
    return found


def by_name(spans: list[ReadableSpan]) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans}
