"""What a front counts is what the metrics show."""

import json

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from server.link.reports import Reports, pass_on
from server.metrics import Metrics


def test_counts_arrive_once() -> None:
    metrics, reports, filled = Metrics(CollectorRegistry()), Reports(), list[bool]()
    metrics.knows_task = lambda task: task == "signs"
    reports.filled = lambda: filled.append(True)
    reports.answered(["signs", "unknown"], 200, 0.004)
    reports.answered(["signs"], 429, 0.001)
    reports.refused("Overloaded")
    reports.rate_refused()
    reports.preprocessed(0.002)
    assert len(filled) == 4
    for _ in range(2):  # the second report is empty
        pass_on(json.loads(json.dumps(reports.taken())), metrics)
    page = generate_latest(metrics.registry).decode()
    for line in (
        'nettailor_requests_total{code="200",task="signs"} 1.0',
        'nettailor_requests_total{code="200",task="_other"} 1.0',
        'nettailor_requests_total{code="429",task="signs"} 1.0',
        'nettailor_rejected_total{reason="Overloaded"} 1.0',
        'nettailor_rejected_total{reason="rate"} 1.0',
        "nettailor_preprocess_seconds_sum 0.002",
    ):
        assert line in page


def test_a_series_of_a_deleted_task_does_not_come_back() -> None:
    metrics, reports = Metrics(CollectorRegistry()), Reports()
    reports.answered(["signs"], 200, 0.004)  # and then the task is deleted, which the metrics are told first
    pass_on(reports.taken(), metrics)
    assert 'task="signs"' not in generate_latest(metrics.registry).decode()


def test_what_is_remembered_without_an_engine_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By answers, and by the names in them: who asks for many tasks that do not exist is remembered for fewer."""
    monkeypatch.setattr("server.link.reports._MOST", 20)
    monkeypatch.setattr("server.link.reports._MOST_NAMES", 100)
    reports = Reports()
    for _ in range(50):
        reports.answered([f"task-{number}" for number in range(30)] * 2, 503, 0.001)
    assert [len(names) for names, _, _ in reports.taken()["answered"]] == [30] * 4
    for _ in range(50):
        reports.answered(["signs"], 503, 0.001)
    assert len(reports.taken()["answered"]) == 20
