"""How many workers there are, and what each of them is given."""

import os

import pytest

from trainer.errors import WorkerDevicesInvalid
from trainer.workers.machine.slots import Slot, slots


def test_a_worker_a_device_and_job() -> None:
    assert slots("cpu", jobs_per_device=1, job_threads=None) == [Slot(device="cpu", threads=None)]
    assert slots("cuda:0, cuda:1", jobs_per_device=2, job_threads=3) == [
        Slot(device=device, threads=3) for device in ("cuda:0", "cuda:0", "cuda:1", "cuda:1")
    ]
    assert slots("cpu", jobs_per_device=0, job_threads=None) == []


def test_the_cores_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(7)))
    assert [slot.threads for slot in slots("cpu", jobs_per_device=3, job_threads=None)] == [2, 2, 2]
    assert [slot.threads for slot in slots("cpu", jobs_per_device=9, job_threads=None)] == [1] * 9


def test_a_worker_sees_its_device_alone() -> None:
    assert Slot(device="cpu", threads=None).environment({}) == {"CUDA_VISIBLE_DEVICES": ""}
    assert Slot(device="cuda:1", threads=2).environment({"CUDA_VISIBLE_DEVICES": "4, 6"}) == {
        "CUDA_VISIBLE_DEVICES": "6",
        "NETTAILOR_JOB_THREADS": "2",
        "OMP_NUM_THREADS": "2",
    }
    assert Slot(device="cuda:1", threads=None).environment({}) == {"CUDA_VISIBLE_DEVICES": "1"}
    with pytest.raises(WorkerDevicesInvalid, match="shows only 1"):
        Slot(device="cuda:1", threads=None).environment({"CUDA_VISIBLE_DEVICES": "4"})


@pytest.mark.parametrize("devices", ["", "gpu", "cuda", "cuda:0,", "cpu;cpu", "cuda:0,cuda:0"])
def test_unusable_devices(devices: str) -> None:
    with pytest.raises(WorkerDevicesInvalid, match="NETTAILOR_WORKER_DEVICES"):
        slots(devices, jobs_per_device=1, job_threads=None)
