"""Alerts ask for series that the services emit, and are tested with such: the three services run, each has what the
alerts are about happen to it, and their `/metrics` are read as Prometheus reads them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from nettailor.bundle.bundle import encode
from registry.http.app import create_app as registry_app
from registry.registry import Registry
from registry.storage.blobs import Blobs
from server.settings import ServerSettings
from tests.bundles import random_bundle
from tests.deploy.grafana.selectors import (
    Selector,
    alerts,
    alerts_of_tests,
    rule_selectors,
    scrape_jobs,
    series_of_tests,
)
from tests.server.asking import ask, publish
from tests.server.running import Running, running
from tests.serving import served
from trainer.http.app import create_app as trainer_app
from trainer.service import Service as Trainer
from trainer.settings import Settings as TrainerSettings

Emitted = Mapping[str, Mapping[str, set[str]]]  # metric -> label -> its values

OF_PROMETHEUS = {"instance", "job"}  # labels that it puts on by itself
OF_INSTALLATION = {"task"}  # labels whose values the code does not know


def emitted_in(text: str) -> Emitted:
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = found[sample.name]
            for label, value in sample.labels.items():
                labels[label].add(value)
    return found


def trouble(server: Running, registry: Registry) -> None:
    """All that alerts are about, and what they must not be mistaken for."""
    for seed, task in enumerate(("pinned", "one")):
        publish(registry, task, seed=seed)
        ask(server, task)
    assert ask(server, "pinned").json()["tier"] == "device"
    assert ask(server, "one").json()["tier"] == "disk"  # no two fit on the device
    publish_foreign(registry)
    assert ask(server, "foreign").status_code == 424
    assert ask(server, "one", params={"top_k": 0}).status_code == 422
    assert ask(server, "one", headers={"Content-Type": "text/plain"}).status_code == 415
    path = "/tasks/one/predict"
    assert server.client.post(path, content=bytes(server.service.settings.max_body_bytes + 1)).status_code == 413
    server.service.parts.admission.enter(("other",), server.service.settings.queue_bound)
    assert ask(server, "one").status_code == 429


def publish_foreign(registry: Registry) -> None:
    """Of another backbone than the server's."""
    record = registry.publish("foreign", encode(*random_bundle(task="foreign")), actor="test")
    registry.promote("foreign", "live", record.version, actor="test", reason="test")


@pytest.fixture
def registry(tmp_path: Path, redis_client: "redis.Redis") -> Registry:
    return Registry(Blobs(str(tmp_path / "blobs")), redis_client)


@pytest.fixture
def emitted(tmp_path: Path, registry: Registry, redis_url: str) -> Iterator[Emitted]:
    settings = ServerSettings(
        data_dir=tmp_path,
        device="cpu",
        max_wait_ms=1,
        max_body_bytes=2**20,
        device_budget_bytes=1,
        pinned_tasks=frozenset({"pinned"}),
        queue_bound=8,
    )
    limited = settings.model_copy(update={"rate_limit_per_second": 0.001, "rate_burst": 1})
    of_trainer = TrainerSettings(data_dir=tmp_path, redis_url=redis_url)
    with (
        running(settings, registry) as server,
        Trainer(of_trainer, redis_url) as trainer,
        served(trainer_app(trainer)) as of_jobs,
        served(registry_app(registry, limited)) as of_registry,
        httpx.Client(trust_env=False, timeout=30) as http,
    ):
        trouble(server, registry)
        assert [http.get(f"{of_registry}/tasks").status_code for _ in range(2)] == [200, 429]
        answers = [server.client.get("/metrics"), http.get(f"{of_jobs}/metrics"), http.get(f"{of_registry}/metrics")]
        yield emitted_in("".join(answer.raise_for_status().text for answer in answers))


def not_emitted(selector: Selector, emitted: Emitted) -> Iterator[str]:
    if selector.metric not in emitted:
        yield f"{selector.where}: no service has {selector.metric}"
        return
    values = emitted[selector.metric]
    for label, value in selector.labels:
        if label in OF_PROMETHEUS:
            continue
        if label not in values:
            yield f"{selector.where}: {selector.metric} has no label {label}"
        elif label not in OF_INSTALLATION and value not in values[label]:
            yield f"{selector.where}: {selector.metric} is never {label}={value!r}, but {sorted(values[label])}"


def test_rules_and_their_tests_use_series_that_the_services_emit(emitted: Emitted) -> None:
    wrong = [fault for each in (*rule_selectors(), *series_of_tests()) for fault in not_emitted(each, emitted)]
    assert not wrong, "\n".join(wrong)


def test_every_alert_fires_in_a_test() -> None:
    assert alerts_of_tests() == alerts()


def test_series_of_targets_are_of_jobs_that_are_scraped() -> None:
    text = (Path(__file__).parents[3] / "deploy/prometheus/alerts_test.yml").read_text()
    ours = {name for name in scrape_jobs() if f'job="{name}"' in text}
    assert ours
    assert text.count('job="') == sum(text.count(f'job="{name}"') for name in ours) + text.count('job="node"')


def test_overload_is_what_saturates_a_queue(emitted: Emitted) -> None:
    """Refusals for other reasons are emitted too, and no rule adds them to overload."""
    reasons = emitted["nettailor_rejected_total"]["reason"]
    assert {"rate", "BodyTooLarge", "BodyUnsupported", "RequestValidationError", "Overloaded"} <= reasons
    asked = [dict(each.labels) for each in rule_selectors() if each.metric == "nettailor_rejected_total"]
    assert asked == [{"reason": "Overloaded"}]
