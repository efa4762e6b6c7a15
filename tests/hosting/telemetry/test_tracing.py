"""Traces, kept in memory: what hangs together, and that nothing is done when they are off."""

import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from hosting.settings.settings import Settings
from hosting.telemetry import tracing
from registry.errors import NothingToRollBack
from registry.registry import Registry
from tests.bundles import tiny_bytes

pytest.importorskip("opentelemetry.sdk.trace", reason="the extra otel is optional")

from opentelemetry.sdk.trace import ReadableSpan  # after the look above

from tests.hosting.telemetry.kept_spans import by_name, ended, kept_spans  # it needs the extra, too

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[list[ReadableSpan]]:
    with kept_spans() as kept:
        yield kept


@pytest.fixture
def store_url(tmp_path: object) -> str:
    return f"{tmp_path}/blobs"


def test_a_request_goes_on_with_the_callers_trace_down_to_the_registry(
    spans: list[ReadableSpan], registry: Registry, url: str
) -> None:
    with httpx.Client(base_url=url, trust_env=False) as http:
        answer = http.post("/tasks/signs/versions", content=tiny_bytes(), headers={"traceparent": PARENT})
    assert answer.status_code == 201
    found = by_name(spans)
    request, publish = ended(spans, "POST"), found["registry.publish"]
    assert request.parent is not None
    assert publish.parent is not None
    assert f"{request.context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{request.parent.span_id:016x}" == PARENT.split("-")[2]
    assert publish.parent.span_id == request.context.span_id
    assert dict(request.attributes or {})["http.response.status_code"] == 201
    trace, span = answer.headers["traceparent"].split("-")[1:3]
    assert (trace, span) == (PARENT.split("-")[1], f"{request.context.span_id:016x}")


def test_errors_are_noted(spans: list[ReadableSpan], registry: Registry) -> None:
    registry.publish("signs", tiny_bytes(), actor="me")
    registry.promote("signs", "live", 1, actor="me", reason="")
    with pytest.raises(NothingToRollBack):
        registry.rollback("signs", actor="me", reason="")
    assert by_name(spans)["registry.rollback"].status.status_code.name == "ERROR"


def test_what_was_measured_lies_end_to_end_below_the_current_span(spans: list[ReadableSpan]) -> None:
    with tracing.span("request", parent=PARENT):
        began = tracing.record("batch", 0.002)
        tracing.record("queue", 0.5, ended_ns=began)
        assert tracing.traceparent() is not None
    batch, queue, request = spans
    assert batch.start_time == queue.end_time == began
    assert queue.start_time == began - 500_000_000
    assert {span.parent.span_id for span in (batch, queue) if span.parent} == {request.context.span_id}


def test_off_nothing_happens_and_nothing_is_imported() -> None:
    with tracing.span("request") as span:
        assert span is None
    assert tracing.traceparent() is None
    tracing.flush()
    tracing.start(Settings(), "server")
    assert not tracing.is_on()
    loaded = "any(name.startswith('opentelemetry.sdk') for name in sys.modules)"
    code = f"import sys, hosting.telemetry.tracing; sys.exit({loaded})"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
