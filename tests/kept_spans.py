"""Traces of a test, kept in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from registry import tracing


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


def by_name(spans: list[ReadableSpan]) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans}
