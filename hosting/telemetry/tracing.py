"""Traces: spans of requests, batches, registry operations and jobs, where OpenTelemetry is installed and wanted.

`NETTAILOR_TRACES=true` sends them to where OpenTelemetry's own variables say (`OTEL_EXPORTER_OTLP_ENDPOINT`). Until
`start` was called every function here returns at once.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from hosting.errors import SettingsInvalid
from hosting.settings.settings import Settings

Attributes = Mapping[str, str | int | float]

NOTHING: Attributes = {}
_PATIENCE_MS = 5000  # for the exporter, when a process ends
_provider: Any = None  # OpenTelemetry's; None: nothing is traced


def start(settings: Settings, service: str) -> None:
    """Once a process, if the settings want traces. Raises `SettingsInvalid` without the extra `otel`."""
    if not settings.traces:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        reason = f"needs the extra otel, pip install 'nettailor-server[otel]' ({error})"
        raise SettingsInvalid([("NETTAILOR_TRACES", reason)]) from error
    provider = TracerProvider(resource=Resource.create({"service.name": f"nettailor-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)


def use(provider: Any) -> None:
    """Trace with this provider; None: no more."""
    global _provider  # noqa: PLW0603  # one a process, as the exporter's thread is
    _provider = provider


def is_on() -> bool:
    return _provider is not None


@contextlib.contextmanager
def span(name: str, *, parent: str | None = None, server: bool = False, about: Attributes = NOTHING) -> Iterator[Any]:
    """A span around what is done within, below the current one or below a `traceparent` (W3C); it notes errors.

    Gives OpenTelemetry's span, None where nothing is traced.
    """
    if _provider is None:
        yield None
        return
    from opentelemetry import trace

    kind = trace.SpanKind.SERVER if server else trace.SpanKind.INTERNAL
    tracer = _provider.get_tracer("nettailor")
    with tracer.start_as_current_span(name, context=_context(parent), kind=kind, attributes=about) as current:
        yield current


def record(name: str, seconds: float, *, ended_ns: int | None = None, about: Attributes = NOTHING) -> int:
    """A span that is over, below the current one, from its measured length; `ended_ns` in Unix time, now by default.

    Returns when it began, so that what came before it can be told the same way.
    """
    ended = time.time_ns() if ended_ns is None else ended_ns
    began = ended - round(seconds * 1e9)
    if _provider is not None:
        tracer = _provider.get_tracer("nettailor")
        tracer.start_span(name, start_time=began, attributes=about).end(end_time=ended)
    return began


def traceparent() -> str | None:
    """The current span for whoever goes on with its trace elsewhere."""
    if _provider is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def flush() -> None:
    """Send what is left, before a process that ends without asking anybody."""
    if _provider is not None:
        _provider.force_flush(_PATIENCE_MS)


def _context(parent: str | None) -> Any:
    """None: the current one."""
    if parent is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent})
