"""Rate limits: the buckets against a slow, obvious one, and the middleware in a real server."""

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import redis
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from hosting.access.authorization import install_access
from hosting.access.key_file import add_key
from hosting.access.keys import new_key
from hosting.access.rates.rate_limit import Buckets
from hosting.access.route_table import RouteTable
from hosting.errors import RateExceeded
from hosting.settings.settings import Settings
from hosting.web.problems import install_problem_handlers
from registry.http.app import create_app
from registry.registry import Registry
from registry.storage.blobs import Blobs
from server.http.route_declarations import ROUTES as SERVER_ROUTES
from tests.serving import served

_TICK_S = 1 / 64  # exact in binary, so that both sides round nothing


@dataclasses.dataclass
class _Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def _took(buckets: Buckets, who: str) -> bool:
    try:
        buckets.take(who)
    except RateExceeded:
        return False
    return True


@given(
    burst=st.integers(1, 5),
    per_second=st.sampled_from([1, 4, 16]),
    steps=st.lists(st.tuples(st.integers(0, 100), st.sampled_from("ab")), max_size=60),
)
def test_buckets_hold_as_many_tokens_as_they_should(burst: int, per_second: int, steps: list[tuple[int, str]]) -> None:
    clock = _Clock()
    buckets = Buckets(per_second=per_second, burst=burst, clock=clock)
    tokens, seen = {"a": float(burst), "b": float(burst)}, {"a": 0.0, "b": 0.0}
    for ticks, who in steps:
        clock.now += ticks * _TICK_S
        tokens[who] = min(burst, tokens[who] + (clock.now - seen[who]) * per_second)
        seen[who] = clock.now
        assert _took(buckets, who) == (tokens[who] >= 1)
        tokens[who] -= tokens[who] >= 1


def test_the_time_to_wait_is_the_time_to_wait() -> None:
    clock = _Clock()
    buckets = Buckets(per_second=0.25, burst=2, clock=clock)
    assert [_took(buckets, "a") for _ in range(3)] == [True, True, False]
    with pytest.raises(RateExceeded) as refused:
        buckets.take("a")
    assert refused.value.retry_after_seconds == 4
    clock.now = 4.0
    assert [_took(buckets, "a") for _ in range(2)] == [True, False]


def test_memory_is_bounded_and_who_asks_again_and_again_is_not_forgotten() -> None:
    buckets = Buckets(per_second=0.001, burst=1, callers=10, clock=_Clock())
    assert _took(buckets, "busy")
    for number in range(100):
        assert _took(buckets, str(number))
        assert not _took(buckets, "busy")
    assert len(buckets) == 10


@pytest.fixture
def secrets(tmp_path: Path) -> list[str]:
    made = [new_key(name, ["read"]) for name in ("one", "two")]
    for key, _ in made:
        add_key(tmp_path / "keys.json", key)
    return [secret for _, secret in made]


@pytest.fixture(params=["addresses", "keys"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    keys_file = tmp_path / "keys.json" if request.param == "keys" else None
    return Settings(data_dir=tmp_path, keys_file=keys_file, rate_limit_per_second=0.001, rate_burst=2)


@pytest.fixture
def client(settings: Settings, redis_client: "redis.Redis", secrets: list[str]) -> Iterator[httpx.Client]:
    registry = Registry(Blobs(settings.blobs_location), redis_client)
    with ExitStack() as stack:
        url = stack.enter_context(served(create_app(registry, settings)))
        yield stack.enter_context(httpx.Client(base_url=url, trust_env=False, timeout=30))


def test_who_asks_too_often_is_told_when_to_come_again(
    client: httpx.Client, secrets: list[str], request: pytest.FixtureRequest
) -> None:
    by_key = "keys" in request.node.name
    one, two = ({"Authorization": f"Bearer {secret}", "X-Actor": "somebody"} for secret in secrets)
    answers = [client.get("/tasks", headers=one) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 1000
    problem = answers[-1].json()
    assert (problem["title"], problem["type"]) == ("rate limit exceeded", "urn:nettailor:problem:rate-exceeded")
    assert problem["request_id"] == answers[-1].headers["X-Request-Id"]
    assert client.get("/tasks", headers=two).status_code == (200 if by_key else 429)
    assert [client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
    assert f'nettailor_rejected_total{{reason="rate"}} {2.0 + (not by_key)}' in client.get("/metrics").text


def test_predictions_and_all_else_are_limited_apart(settings: Settings, secrets: list[str]) -> None:
    app = FastAPI()
    install_access(app, settings, RouteTable(SERVER_ROUTES), rate_refused=lambda: None)
    install_problem_handlers(app, {})
    headers = {"Authorization": f"Bearer {secrets[0]}"}
    with served(app) as url, httpx.Client(base_url=url, headers=headers, trust_env=False) as http:
        for method in ("POST", "GET"):  # this app has no handlers: what is let through is 404
            answers = [http.request(method, "/tasks/signs/predict").status_code for _ in range(3)]
            assert answers == [404, 404, 429], method
