"""Records of jobs: read back before they are written, and what they cost and bring back, whoever died when."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nettailor.plain_text import check_size
from registry.storage.store import Store
from trainer.errors import IdempotencyConflict, JobRecordDamaged, JobRefused
from trainer.http.schemas import Job as JobAnswer
from trainer.jobs.blob_references import blobs_in_use
from trainer.jobs.job import Job, now
from trainer.jobs.jobs import Jobs, changed, state_event
from trainer.jobs.records import JobRecords
from trainer.service import Service
from trainer.settings import Settings
from trainer.wiring import open_jobs
from trainer.workers.job_run import begin

UPLOAD = "sha256:" + "0" * 64
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)  # NUL and halves of characters are among them
ANY_VALUE = st.recursive(
    st.none() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def jobs(settings: Settings, redis_client: "redis.Redis") -> Jobs:
    """Nobody looks after them but the test."""
    found = open_jobs(settings, redis_client)
    assert found.recover() == 0
    return found


@pytest.fixture
def folder(settings: Settings) -> Path:
    return Path(settings.blobs_location) / "jobs"


def submit(jobs: Jobs) -> Job:
    return jobs.submit("pets", UPLOAD, {"seed": 1}, actor="ada")


def job(**changes: Any) -> Job:
    fields = {"id": "j", "task": "pets", "upload": UPLOAD, "options": {}, "actor": "ada", "created_at": now()}
    return Job(**(fields | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "\ud800"},
        {"actor": "a\x00b"},
        {"actor": "a" * 1000},
        {"actor": None},
        {"state": "asleep"},
        {"priority": "highest"},
        {"progress": float("nan")},
        {"created_at": "yesterday"},
        {"attempt": "1"},
    ],
)
def test_a_job_that_nobody_could_use_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # the check of each member says it in its own words
        job(**changes)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actor=ANY_TEXT, key=ANY_TEXT, options=st.dictionaries(ANY_TEXT, ANY_VALUE, max_size=3), found=ANY_VALUE)
def test_whatever_is_accepted_is_read_by_every_reader(
    jobs: Jobs, actor: str, key: str, options: dict[str, Any], found: Any
) -> None:
    try:
        accepted = jobs.submit("pets", UPLOAD, options, actor=actor, idempotency_key=key)
    except (JobRefused, IdempotencyConflict):
        return
    jobs.store.update(accepted.id, lambda job: changed(job, inspection={"found": found}, error={"detail": actor}))
    kept = jobs.store.get(accepted.id)
    jobs.records.write(kept)
    assert jobs.records.read(kept.id) == kept
    assert kept in jobs.store.latest(1000)
    assert JobAnswer.one(kept, jobs.queue).model_dump_json()
    assert all(entry.event for entry in jobs.store.events(kept.id))
    blobs_in_use(jobs, 0.0)


@pytest.mark.parametrize(
    ("actor", "options"), [("\ud800", {}), ("ada", {"seed": 10**400}), ("ada", {"group_by": "a\x00b"})]
)
def test_a_job_that_could_not_be_read_back_is_not_accepted(jobs: Jobs, actor: str, options: dict[str, Any]) -> None:
    with pytest.raises(JobRefused):
        jobs.submit("pets", UPLOAD, options, actor=actor)
    assert (jobs.records.ids(), jobs.records.marked_ids(), jobs.store.latest(1)) == ([], [], [])


def test_the_size_of_a_record_is_bounded(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.jobs.records.check_size", partial(check_size, most_bytes=100))
    with pytest.raises(JobRefused, match="at most 100 are allowed"):
        submit(jobs)
    assert jobs.records.ids() == []


def test_what_a_job_found_out_is_mended(jobs: Jobs, folder: Path) -> None:
    found = submit(jobs)
    result = {"accuracy": float("nan"), "worst": "a\udcff.png"}
    jobs.store.update(found.id, lambda job: changed(job, state="succeeded", result=result, ended_at=now()))
    kept = jobs.store.get(found.id)
    assert kept.result == {"accuracy": None, "worst": "a\\udcff.png"}
    jobs.records.write(kept)
    assert jobs.records.read(found.id) == kept


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"format":"nettailor-job/1"}',
        b'{"format":"nettailor-job/1","job":[]}',
        b'{"format":"nettailor-job/1","job":{"id":"j"}}',
        json.dumps({"format": "nettailor-job/1", "job": job(id="other").to_json()}).encode(),
        json.dumps({"format": "nettailor-job/1", "job": job().to_json() | {"created_at": "soon"}}).encode(),
        b'{"format":"nettailor-job/1","job":' + b"[" * 2000 + b"]" * 2000 + b"}",
    ],
)
def test_a_damaged_record_is_told_once_and_hides_no_other(
    jobs: Jobs, content: bytes, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sound = submit(jobs)
    (folder / "j.json").write_bytes(content)
    with pytest.raises(JobRecordDamaged):
        jobs.records.read("j")
    jobs.store.client.flushall()
    assert [jobs.recover(thoroughly=True) for _ in range(2)] == [1, 0]
    assert [found.id for found in jobs.store.latest(9)] == [sound.id]
    assert sum("job j is left out" in message for message in caplog.messages) == 1
    assert (folder / "j.json").read_bytes() == content


def test_a_job_is_marked_while_it_is_open(jobs: Jobs) -> None:
    found = submit(jobs)
    assert jobs.records.marked_ids() == [found.id]
    begin(jobs, found.id, 1)
    assert jobs.records.marked_ids() == [found.id]
    jobs.cancel(found.id)
    assert jobs.records.marked_ids() == []
    jobs.retry(found.id)
    assert jobs.records.marked_ids() == [found.id]


class _Spy:
    """Counts what is asked of the store and of Redis."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, client: "redis.Redis") -> None:
        self.reads = 0
        self._client: Any = client
        read = Store.read

        def counting(store: Store, key: str) -> bytes:
            self.reads += 1
            return read(store, key)

        monkeypatch.setattr(Store, "read", counting)
        self._before = self._calls()

    def calls(self) -> int:
        return self._calls() - self._before

    def _calls(self) -> int:
        found = self._client.info("commandstats")
        return sum(found.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("hget", "get", "zrange", "sunion"))


def _ended(jobs: Jobs, folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        ended = job(id=f"{number:032x}", state="succeeded", ended_at=now())
        jobs.store.create(ended, state_event(ended), lambda _pipeline, _job: None)
        document = {"format": "nettailor-job/1", "job": ended.to_json()}
        (folder / f"{ended.id}.json").write_text(json.dumps(document))  # a thousand fsyncs would take their time


def test_looking_after_jobs_costs_what_is_open(
    jobs: Jobs, folder: Path, monkeypatch: pytest.MonkeyPatch, redis_client: "redis.Redis"
) -> None:
    open_job = submit(jobs)
    costs = []
    for count in (10, 1000):
        _ended(jobs, folder, count)
        with monkeypatch.context() as patch:
            spy = _Spy(patch, redis_client)
            assert jobs.recover() == 0
            costs.append((spy.reads, spy.calls()))
    assert costs[0] == costs[1]
    assert costs[0][0] == 0
    assert costs[0][1] < 10
    with monkeypatch.context() as patch:
        spy = _Spy(patch, redis_client)
        assert jobs.recover(thoroughly=True) == 0  # at a start: the names are compared, no record is read
        assert spy.reads == 0
    assert jobs.records.marked_ids() == [open_job.id]


class _Killed(BaseException):
    """Stands for the death of the process at one point."""


def _die(*_: object, **__: object) -> Any:
    raise _Killed


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Callable[[object, str, Callable[[], object]], None]:
    def act(owner: object, step: str, do: Callable[[], object]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(owner, step, _die)
            with pytest.raises(_Killed):
                do()

    return act


def test_killed_between_record_and_redis_another_process_takes_it_up(jobs: Jobs, killed: Callable[..., None]) -> None:
    killed(jobs.store, "create", lambda: submit(jobs))
    assert jobs.store.latest(9) == []
    assert jobs.recover() == 1
    [found] = jobs.store.latest(9)
    assert (found.state, jobs.queue.waiting_ids()) == ("queued", [f"{found.id}-1"])


def test_killed_between_mark_and_record_nothing_was_accepted(
    jobs: Jobs, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "open").mkdir(parents=True)
    (folder / "open" / "gone").touch()
    assert jobs.recover() == 0
    assert jobs.records.marked_ids() == ["gone"]  # its record may be about to come
    monkeypatch.setattr("trainer.jobs.records._STALE_SECONDS", -1.0)
    assert jobs.recover() == 0
    assert jobs.records.marked_ids() == []


@pytest.mark.parametrize(("owner", "step"), [(JobRecords, "write"), (Store, "delete")])
def test_killed_while_a_job_ends_its_record_catches_up(
    jobs: Jobs, killed: Callable[..., None], owner: type, step: str
) -> None:
    found = submit(jobs)
    killed(owner, step, lambda: jobs.cancel(found.id))
    assert jobs.records.marked_ids() == [found.id]
    assert jobs.recover() == 0
    assert jobs.records.marked_ids() == []
    jobs.store.client.flushall()
    jobs.recover()
    assert jobs.store.get(found.id).state == "cancelled"


def test_an_open_job_without_a_mark_gets_one(jobs: Jobs, folder: Path) -> None:
    """It was accepted by an older release."""
    found = submit(jobs)
    (folder / "open" / found.id).unlink()
    assert jobs.recover() == 0
    assert jobs.records.marked_ids() == [found.id]


@pytest.mark.parametrize("loss", ["emptied", "started anew with older data"])
def test_after_redis_was_lost_all_records_are_looked_at(jobs: Jobs, loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, waiting = submit(jobs), submit(jobs)
    jobs.cancel(ended.id)
    if loss == "emptied":
        jobs.store.client.flushall()
    else:
        for name in (f"nettailor:job:{ended.id}", "nettailor:jobs"):
            jobs.store.client.delete(name)
        run = jobs.store.run_of_redis()
        monkeypatch.setattr(jobs.store, "run_of_redis", lambda: f"after {run}")
    jobs.recover()
    assert jobs.store.get(ended.id).state == "cancelled"
    assert jobs.store.get(waiting.id).state == "queued"
    assert jobs.recover() == 0


def test_a_job_that_is_retried_meanwhile_keeps_its_newest_record(
    jobs: Jobs, killed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = submit(jobs)
    killed(JobRecords, "write", lambda: jobs.cancel(found.id))
    write = jobs.records.write
    retry = iter([jobs.retry])

    def retry_first(job: Job) -> None:
        for once in retry:
            once(found.id)
        write(job)

    monkeypatch.setattr(jobs.records, "write", retry_first)
    jobs.recover()
    jobs.recover()
    assert jobs.records.read(found.id).state == jobs.store.get(found.id).state == "queued"
    assert jobs.records.marked_ids() == [found.id]


def test_a_document_with_half_a_character_is_shown(http: httpx.Client, service: Service) -> None:
    """An older release kept it, as a class name or the name of a file."""
    found = submit(service.jobs)
    document = json.dumps(found.to_json() | {"inspection": {"classes": {"\ud800": {"train": 1}}}})
    service.jobs.store.client.hset(f"nettailor:job:{found.id}", "document", document)
    shown = http.get("/jobs")
    assert shown.status_code == 200
    assert shown.json()[0]["inspection"] == {"classes": {"\\ud800": {"train": 1}}}
    assert http.get(f"/jobs/{found.id}").status_code == 200
    assert http.post(f"/jobs/{found.id}/cancel").status_code == 200


def test_an_older_state_of_redis_opens_no_job_that_has_ended(jobs: Jobs, killed: Callable[..., None]) -> None:
    before = submit(jobs)
    ended = jobs.cancel(before.id)
    jobs.store.update(before.id, lambda _: (before, state_event(before)), jobs.queue.enqueue)
    assert jobs.recover() == 0
    assert jobs.store.get(before.id) == jobs.records.read(before.id) == ended
    assert jobs.queue.waiting_ids() == []
    killed(JobRecords, "write", lambda: jobs.retry(before.id))
    assert jobs.recover() == 0
    assert jobs.records.read(before.id).state == jobs.store.get(before.id).state == "queued"
