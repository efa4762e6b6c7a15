"""What an answer and the metrics say it cost: tiers, switches, bytes."""

import re

from prometheus_client import CollectorRegistry, generate_latest

from hosting.web.problem import CLIENT_GONE
from registry.registry import Registry
from server.metrics import Metrics
from server.residency.tiers import Tier
from tests.server.asking import ask, publish
from tests.server.running import Running


def _samples(server: Running, name: str) -> dict[str, float]:
    """The samples of a metric by their labels' values, joined by commas."""
    found = {}
    for line in server.client.get("/metrics").text.splitlines():
        if sample := re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line):
            found[",".join(re.findall(r'"([^"]*)"', sample[1] or ""))] = float(sample[2])
    return found


def test_switches_by_tier_and_measured_bytes(server: Running, registry: Registry) -> None:
    data = {task: publish(registry, task, seed=index) for index, task in enumerate(("one", "two"))}
    answers = [ask(server, task) for task in ("one", "two", "one", "two", "one")]
    tiers = [answer.json()["tier"] for answer in answers]
    assert set(tiers[2:]) == {"device"}
    counted = _samples(server, "nettailor_task_switch_seconds_count")
    assert sum(counted.values()) == 5
    assert counted == {tier: tiers.count(tier) for tier in set(tiers)}
    assert sum(_samples(server, "nettailor_switches_total").values()) == 5
    for answer in answers:
        body, timing = answer.json(), answer.headers["server-timing"]
        for part in ("switch", "queue", "inference"):
            assert f"{part};dur={body[f'{part}_ms']}" in timing
        assert body["inference_ms"] > 0
    assert answers[2].json()["switch_ms"] < 5
    residency = server.service.parts.residency
    adapters = [residency.acquire(row.id).ready.result(30) for row in residency.table()]
    assert len(adapters) == len(data)
    measured = sum(adapter.size_bytes for adapter in adapters)  # what that counts: test_engine
    files = sum(path.stat().st_size for path in server.service.settings.cache_folder.iterdir())
    assert _samples(server, "nettailor_resident_bytes") == {"device": measured, "host": 0, "disk": files}
    assert _samples(server, "nettailor_resident_tasks") == {"device": 2, "host": 0, "disk": 2}
    assert _samples(server, "nettailor_lookups_total")["device"] >= 3


def test_a_request_that_outlives_its_task_leaves_no_series_behind() -> None:
    metrics = Metrics(CollectorRegistry())
    known = {"signs"}
    metrics.knows_task = known.__contains__
    metrics.answered(["signs"], 200, 0.1)
    known.remove("signs")
    metrics.forget_task("signs")
    metrics.switched("signs", Tier.DEVICE, 0.001)
    metrics.queued("signs", 0.1)
    metrics.answered(["signs"], 200, 0.1)
    shown = generate_latest(metrics.registry).decode()
    assert 'task="signs"' not in shown
    assert 'nettailor_requests_total{code="200",task="_other"} 1.0' in shown
    known.add("signs")  # a task of that name is made anew
    metrics.answered(["signs"], 200, 0.1)
    assert 'nettailor_requests_total{code="200",task="signs"} 1.0' in generate_latest(metrics.registry).decode()


def test_durations_of_refusals_are_kept_apart() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.knows_task = {"signs"}.__contains__
    for code in (200, 429, 422, 503, CLIENT_GONE):
        metrics.answered(["signs"], code, 0.1)
    shown = generate_latest(metrics.registry).decode()
    for outcome, count in (("answered", 1), ("refused", 2), ("failed", 1), ("gone", 1)):
        assert f'nettailor_request_seconds_count{{outcome="{outcome}",task="signs"}} {count}.0' in shown


def test_buckets_tell_one_image_from_two_and_microseconds_of_waiting_from_a_millisecond() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.knows_task = {"signs"}.__contains__
    metrics.batch_ran(images=2, tasks=1, predictions=1, seconds=0.1)
    metrics.queued("signs", 0.0002)
    shown = generate_latest(metrics.registry).decode()
    for sample in ('images_bucket{le="1.0"} 0.0', 'images_bucket{le="2.0"} 1.0', 'tasks_bucket{le="1.0"} 1.0'):
        assert f"nettailor_batch_{sample}" in shown
    assert 'nettailor_queue_seconds_bucket{le="0.00025",task="signs"} 1.0' in shown
