"""How many open jobs an actor may have."""

import threading

import httpx
import pytest

from tests.serving import served
from tests.trainer.uploads import upload
from trainer.http.app import create_app
from trainer.service import Service
from trainer.settings import Settings

LIMIT = 3


@pytest.fixture
def limited(settings: Settings) -> Settings:
    return settings.model_copy(update={"jobs_per_user": LIMIT})


def test_of_many_requests_at_once_no_more_pass_than_an_actor_may_have(limited: Settings) -> None:
    """Two services over one Redis."""
    assert limited.redis_url is not None
    answers: list[httpx.Response] = []

    def ask(http: httpx.Client, actor: str) -> None:
        answers.append(upload(http, headers={"X-Actor": actor}))

    with (
        Service(limited, limited.redis_url) as one,
        Service(limited, limited.redis_url) as other,
        served(create_app(one)) as url,
        served(create_app(other)) as second_url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as first,
        httpx.Client(base_url=second_url, trust_env=False, timeout=60) as second,
    ):
        for http in (first, second):  # FastAPI makes its routes now, silencing a warning: not for two threads at once
            http.get("/jobs").raise_for_status()
        threads = [
            threading.Thread(target=ask, args=(http, actor))
            for actor in ("ada", "bob")
            for http in (first, second) * LIMIT
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status_code for answer in answers) == [202] * 2 * LIMIT + [429] * 2 * LIMIT
        for actor in ("ada", "bob"):
            assert len([job for job in one.jobs.store.all_open() if job.actor == actor]) == LIMIT
        assert len(one.jobs.records.ids()) == 2 * LIMIT  # a refused one does not come back from its record
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["type"] == "urn:nettailor:problem:too-many-jobs"
    assert int(refused.headers["Retry-After"]) >= 1


def test_what_counts_as_one_more(limited: Settings) -> None:
    assert limited.redis_url is not None
    with (
        Service(limited, limited.redis_url) as service,
        served(create_app(service)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as http,
    ):
        jobs = [upload(http, headers={"Idempotency-Key": f"k{number}"}).json()["id"] for number in range(LIMIT)]
        again = upload(http, headers={"Idempotency-Key": "k0"})
        assert (again.status_code, again.json()["id"]) == (202, jobs[0])
        assert upload(http).status_code == 429
        assert upload(http, headers={"X-Actor": "bob"}).status_code == 202
        assert http.post(f"/jobs/{jobs[0]}/cancel").status_code == 200
        assert upload(http).status_code == 202
        assert http.post(f"/jobs/{jobs[0]}/retry").status_code == 429
        assert http.get(f"/jobs/{jobs[0]}").json()["state"] == "cancelled"
