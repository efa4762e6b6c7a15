"""A job that somebody ends early publishes the best so far, killed in between or not: real workers, the real recipe."""

from typing import Any

import httpx
import pytest

from nettailor.bundle.bundle import decode
from tests.trainer.workers.states import in_state
from tests.trainer.workers.stopping_workers import Start, kill, stopped_job_process
from tests.trainer.workers.tiny_job import submit, tiny_digest
from trainer.recipe.timing.early_finish import FinishRequest
from trainer.service import Service


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of a run that was to end with its first candidate from the beginning."""
    request = FinishRequest(by="ada", at="2026-11-28T12:00:00.000+00:00", candidates=(0,))
    return tiny_digest(tmp_path_factory.mktemp("ended"), lambda: request)


# That a job which is not killed ends, too, is tried by day with another method, below.
@pytest.mark.parametrize("killed", [pytest.param(False, marks=pytest.mark.nightly), True])
def test_the_best_so_far_is_published(
    http: httpx.Client, service: Service, start: Start, ended: str, killed: bool
) -> None:
    job = submit(http)
    worker = start("candidate")
    process = stopped_job_process(worker)
    answer = http.post(f"/jobs/{job}/finish", headers={"X-Actor": "ada"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["finish"]["candidates"] == [row["k"] for row in answer.json()["front"]] == [0]
    if killed:
        kill(worker)
        start()
    else:
        process.resume()
    result: Any = in_state(service, job, "succeeded", "failed").result
    early = result["finished_early"]
    assert (early["by"], early["candidates"]) == ("ada", [0])
    assert [row["k"] for row in result["front"]] == [0]
    assert result["digest"] == ended
    published = decode(service.registry.read_bundle(service.registry.version_record("pets", 1)))
    assert published.manifest.recipe["finished_early"] is True
    report = service.registry.version_record("pets", 1).attachments["report.html"]
    assert "ada asked for the best so far" in service.blobs.read(report).decode()


def test_a_method_that_removes_no_blocks_publishes_what_it_has(
    http: httpx.Client, service: Service, start: Start
) -> None:
    job = submit(http, "&method=parallel-adapters")
    process = stopped_job_process(start("candidate"))
    answer = http.post(f"/jobs/{job}/finish", headers={"X-Actor": "ada"})
    assert answer.status_code == 202, answer.text
    process.resume()
    result: Any = in_state(service, job, "succeeded", "failed").result
    early = result["finished_early"]
    assert (early["by"], early["candidates"], early["skipped"], early["rate"]) == ("ada", [0], 1, 0.1)
    record = service.registry.version_record("pets", 1)
    assert (record.manifest.method, record.manifest.recipe["adapts"]) == ("parallel-adapters", False)
    page = service.blobs.read(record.attachments["report.html"]).decode()
    assert "with a learning rate of 0.1" in page
