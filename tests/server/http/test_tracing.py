"""A prediction's trace, from the caller's span to the batch."""

import pytest

from registry.registry import Registry
from tests.server.asking import FILES, publish
from tests.server.running import Running

pytest.importorskip("opentelemetry.sdk.trace", reason="the extra otel is optional")

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_prediction_shows_its_switch_its_wait_and_its_batch(server: Running, registry: Registry) -> None:
    from tests.hosting.telemetry.kept_spans import by_name, ended, kept_spans

    publish(registry)
    with kept_spans() as spans:
        headers = {"content-type": "image/png", "traceparent": PARENT}
        answer = server.client.post("/tasks/signs/predict", content=FILES[0], headers=headers)
        assert answer.status_code == 200
        request = ended(spans, "POST")
    found = by_name(spans)
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == PARENT.split("-")[2]
    for name in ("switch", "queue", "batch"):
        parent = found[name].parent
        assert parent is not None
        assert parent.span_id == request.context.span_id
    assert dict(found["switch"].attributes or {}) == {
        "nettailor.task": "signs",
        "nettailor.version": 1,
        "nettailor.tier": answer.json()["tier"],
    }
    start, end = found["batch"].start_time, found["batch"].end_time
    assert start is not None
    assert end is not None
    assert (end - start) / 1e6 == pytest.approx(answer.json()["inference_ms"], abs=0.01)
