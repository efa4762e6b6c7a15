"""A full disk under a real `nettailor up`: no answer 500, nothing that lies, and all goes on by itself."""

import itertools
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cli.demo.data import write_signs
from nettailor_client.errors import RequestRefused
from registry.storage.store import Store
from tests.bundles import tiny_bytes
from tests.cli.service.small_disk import SmallDisk, may_mount, up_on_a_small_disk
from tests.waiting import until
from trainer.jobs.records import JobRecords

MIB = 2**20
_RESERVE = 8 * MIB


def _refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["title"]


def _refused_for_want_of_room(disk: SmallDisk, archive: Path) -> None:
    asks: list[Callable[[], object]] = [
        lambda: disk.client.publish("signs", tiny_bytes(seed=2)),
        lambda: disk.client.upload("more", archive, options={"preset": "fast"}),
        lambda: disk.client.inspect(archive),
    ]
    for ask in asks:
        with pytest.raises(RequestRefused, match="kept in reserve") as refused:
            ask()
        assert refused.value.status == 507


def _write_until_redis_has_no_room(http: httpx.Client, job: str) -> set[str]:
    """A job is cancelled and retried until that is refused; the states it may have then. A Redis that cannot write
    ends, and is started again until there is room."""
    acknowledged = "queued"
    for word in itertools.cycle(("cancel", "retry")):
        answer = http.post(f"/jobs/{job}/{word}")
        if not answer.is_success:
            assert _refusal(answer) == (503, "job queue unavailable")
            # A cancellation is more than one write, and the first of them may have been the last that had room.
            return {acknowledged, "cancelled"} if word == "cancel" else {acknowledged}
        acknowledged = answer.json()["state"]
    raise AssertionError  # the words never end


@pytest.mark.nightly  # by day with injected faults, of which the test tells
def test_it_fills_up_and_empties_again(tmp_path: Path, backbone: str) -> None:
    if not may_mount(tmp_path):
        # The same answers are tested with injected faults in tests/registry/http, tests/trainer and tests/hosting.
        pytest.skip("this machine lets no user mount a file system of a few MiB (unshare --map-root-user --mount)")
    archive = tmp_path / "more.zip"
    write_signs(archive, train=10, test=2)
    settings = {"NETTAILOR_DISK_RESERVE_BYTES": str(_RESERVE), "NETTAILOR_WORKER_JOBS_PER_DEVICE": "0"}
    with (
        up_on_a_small_disk(tmp_path / "state", 48 * MIB, settings) as disk,
        httpx.Client(base_url=disk.client.url, trust_env=False) as http,
    ):
        client, records = disk.client, JobRecords(Store(str(disk.folder / "blobs")))
        for seed in (0, 1):
            client.publish("signs", tiny_bytes(seed=seed))
        jobs = [str(client.upload("more", archive, options={"preset": "fast"}).id) for _ in range(2)]

        disk.fill(leave_bytes=_RESERVE - MIB)
        _refused_for_want_of_room(disk, archive)
        assert client.is_ready()  # what is small has room
        assert client.promote("signs", "live", 1).after == 1
        assert client.cancel(jobs[0]).state == "cancelled"
        assert records.read(jobs[0]).state == "cancelled"

        disk.fill(leave_bytes=_RESERVE // 2 - MIB)
        assert _refusal(http.get("/readyz")) == (503, "not ready")

        disk.fill()
        for answer in (
            http.put("/tasks/signs/aliases/live", json={"version": 2}),
            http.post("/tasks/signs/versions", content=tiny_bytes(seed=3)),
            http.post("/tasks/more/dataset", content=archive.read_bytes()),
        ):
            assert _refusal(answer) == (507, "insufficient storage")
        possible = _write_until_redis_has_no_room(http, jobs[1])
        assert _refusal(http.get("/readyz")) == (503, "not ready")

        disk.empty()
        until(client.is_ready)
        assert client.publish("signs", tiny_bytes(seed=4)).version == 3
        assert client.promote("signs", "live", 2).before == 1
        states = [client.job(job).state for job in jobs]
        assert states[0] == "cancelled"
        assert states[1] in possible
        until(lambda: [records.read(job).state for job in jobs] == states)
        assert client.upload("more", archive, options={"preset": "fast"}).state == "queued"
    assert "Traceback" not in (tmp_path / "state.log").read_text()
