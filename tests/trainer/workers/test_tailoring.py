"""A job that lacks room on the disk, or its upload, fails with that reason, at once."""

from functools import partial
from typing import Any

import httpx
import pytest
from rq.job import JobStatus

from nettailor.bundle.backbone_file import encode_backbone
from nettailor.network.backbones import Backbone, canonical_tensors, load_backbone
from nettailor.network.stored_backbone import stored_bytes
from registry.errors import PredecessorInUse
from registry.journal.records import VersionRecord
from registry.registry import Registry
from registry.versions.attachments import REPORT
from tests.backbones import random_backbone_file
from tests.full_disk import full_disk
from tests.trainer.archives import hash_seed, picture, zip_of
from tests.trainer.recipe.runs import seeded_backbone
from tests.trainer.tiny import tiniest_config
from tests.trainer.uploads import GOOD, upload
from trainer.errors import TrainingDiverged
from trainer.events import Json
from trainer.jobs.job import Job
from trainer.jobs.options import TailorOptions
from trainer.metrics import TrainerMetrics
from trainer.pretrain.pruning import Zeros
from trainer.publishing.backbones import name_of
from trainer.publishing.publish import publish
from trainer.recipe.config import RecipeConfig
from trainer.recipe.teachers.contest import Contest
from trainer.service import Service
from trainer.settings import Settings
from trainer.workers.job_run import begin
from trainer.workers.tailoring import Tailoring


def pruned_backbone_file() -> bytes:
    backbone = seeded_backbone()
    Zeros(backbone, 0.5)
    return encode_backbone(
        backbone.name, {name: tensor.numpy() for name, tensor in canonical_tensors(backbone).items()}
    )


def carry_out(service: Service, job: str) -> Job:
    """One run of the job, in this process. The queue believes that a worker has it: else, where this takes long, the
    service gives it to the next one."""
    jobs = service.jobs
    taken = jobs.queue.find(jobs.store.get(job))
    assert taken is not None
    taken.set_status(JobStatus.STARTED)
    run = begin(jobs, job, jobs.store.get(job).submission)
    folder = service.settings.work_dir / job
    folder.mkdir(parents=True, exist_ok=True)
    Tailoring(service.settings, service.registry, run, TrainerMetrics(jobs.store.client), folder).carry_out()
    return jobs.store.get(job)


@pytest.fixture
def job(http: httpx.Client) -> str:
    return str(upload(http).json()["id"])


def test_the_backbone_that_a_job_names_is_loaded_from_the_registry(
    http: httpx.Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the job fails with the reason where it, or its file, went meanwhile."""
    added = service.registry.add_backbone("ours", random_backbone_file(), actor="ada")
    answer = http.post("/tasks/pets/dataset", params={"preset": "fast", "backbone": "ours"}, content=GOOD)
    job = str(answer.json()["id"])
    seen: list[tuple[str, str]] = []

    def stop_here(*_: object, backbone: Backbone, **__: object) -> None:
        seen.append((backbone.name, backbone.fingerprint()))
        raise TrainingDiverged("teacher", 1)

    monkeypatch.setattr("trainer.workers.tailoring.tailor", stop_here)
    carry_out(service, job)
    assert seen == [("mini26", added.fingerprint)]
    service.blobs.delete(added.digest)
    service.jobs.retry(job)
    failed = carry_out(service, job)
    assert failed.error is not None
    assert "add them again, then retry" in str(failed.error["detail"])
    service.registry.remove_backbone("ours", actor="ada", reason="")
    service.jobs.retry(job)
    failed = carry_out(service, job)
    assert failed.error is not None
    assert "unknown backbone 'ours'" in str(failed.error["detail"])


def test_a_job_of_another_method_ends_with_a_version_of_it(http: httpx.Client, service: Service) -> None:
    answer = http.post("/tasks/pets/dataset", params={"preset": "fast", "method": "features"}, content=GOOD)
    ended = carry_out(service, str(answer.json()["id"]))
    assert ended.state == "succeeded", ended.error
    version = service.registry.resolve("pets")
    assert ended.result is not None
    assert (version.manifest.method, version.digest) == ("features", ended.result["digest"])
    front: Any = ended.result["front"]
    assert [row["k"] for row in front] == [0]
    assert REPORT in version.attachments


def test_a_version_of_another_backbone_than_the_service_s_own_brings_it_along(
    http: httpx.Client, service: Service
) -> None:
    object.__setattr__(service.settings, "backbone", "resnet18")
    params = {"preset": "fast", "method": "features", "backbone": "mini26"}
    for task in ("pets", "birds"):
        ended = carry_out(service, str(http.post(f"/tasks/{task}/dataset", params=params, content=GOOD).json()["id"]))
        assert ended.state == "succeeded", ended.error
    (stored,) = service.registry.backbones.all()
    needed = service.registry.resolve("birds").manifest.backbone
    assert (stored.fingerprint, stored.name) == (needed.fingerprint, f"mini26-{needed.fingerprint[:12]}")
    assert service.registry.backbones.read(stored) == stored_bytes(load_backbone("mini26"))


def test_a_name_that_other_weights_have_fails_the_job_with_the_reason(http: httpx.Client, service: Service) -> None:
    object.__setattr__(service.settings, "backbone", "resnet18")
    name = name_of(load_backbone("mini26"))
    service.registry.add_backbone(name, random_backbone_file(), actor="ada")
    params = {"preset": "fast", "method": "features", "backbone": "mini26"}
    failed = carry_out(service, str(http.post("/tasks/pets/dataset", params=params, content=GOOD).json()["id"]))
    assert failed.error is not None
    assert (failed.state, failed.error["status"], failed.error["title"]) == ("failed", 409, "backbone taken")
    assert name in str(failed.error["detail"])


def tailored(http: httpx.Client, service: Service, task: str, **options: str) -> tuple[VersionRecord, str]:
    """A version of method packnet unless the options say another one, and the log of its job."""
    params = {"method": "packnet", "backbone": "pruned"} | options
    job = carry_out(service, str(http.post(f"/tasks/{task}/dataset", params=params, content=GOOD).json()["id"]))
    assert job.state == "succeeded", job.error
    assert job.result is not None
    entries = service.jobs.store.events(job.id)
    log = " ".join(str(entry.event.fields.get("message", "")) for entry in entries)
    return service.registry.version_record(task, int(str(job.result["version"]))), log


@pytest.mark.nightly  # five trainings; by day recipe/methods/test_packed and the registry's chains
def test_tasks_of_packnet_stand_on_one_another_and_their_jobs_say_so(
    http: httpx.Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quick(options: TailorOptions, _: Settings) -> RecipeConfig:
        return tiniest_config(method=options.method, method_lrs=(0.05,), seed=options.seed)

    monkeypatch.setattr("trainer.workers.tailoring.recipe_config_of", quick)
    monkeypatch.setattr(Contest, "winner", lambda contest: len(contest.right) - 1)  # what was trained, however good
    service.registry.add_backbone("pruned", pruned_backbone_file(), actor="ada")

    version = partial(tailored, http, service)
    first, log = version("pets")
    assert first.manifest.predecessor is None
    assert "weights of its own in a pruned backbone" in service.blobs.read(first.attachments[REPORT]).decode()
    assert "is the first of a chain on this backbone" in log
    second, log = version("birds")
    assert second.manifest.predecessor == first.digest
    assert (first.manifest.owned or 0) > (second.manifest.owned or 0) > 10_000
    assert second.manifest.recipe["chain"] == ["pets"]
    assert "stands on the weights of pets" in log
    third, _ = version("cats", after="pets@1")
    assert third.manifest.predecessor == first.digest
    alone, _ = version("dogs", after="none")
    assert alone.manifest.predecessor is None
    other, _ = version("birds", method="features")
    compared = service.registry.compare("birds", [other.version, second.version]).versions
    assert [found.record.manifest.method for found in compared] == ["features", "packnet"]
    assert compared[1].accuracy == second.manifest.metrics.student.test
    assert compared[1].difference is not None
    assert compared[1].difference.accuracy == pytest.approx(compared[1].accuracy - compared[0].accuracy)
    assert min(found.milliseconds for found in compared) > 0
    page = service.blobs.read(second.attachments[REPORT]).decode()
    assert "weights of its own in a pruned backbone" in page
    assert "beside those of pets, on whose weights it stands" in page
    with pytest.raises(PredecessorInUse, match=r"birds v1, cats v1"):
        service.registry.delete_task("pets", actor="ada", reason="")

    def published_too_late(registry: Registry, *given: Any, **more: Any) -> dict[str, Json]:
        with pytest.raises(PredecessorInUse, match="of task 'mice' stands on"):
            service.registry.delete_task("dogs", actor="ada", reason="")
        monkeypatch.setattr("registry.registry.check_unneeded", lambda *_: None)  # as if it had not seen the job yet
        service.registry.delete_task("dogs", actor="ada", reason="")
        return publish(registry, *given, **more)

    monkeypatch.setattr("trainer.workers.tailoring.publish", published_too_late)
    params = {"method": "packnet", "backbone": "pruned", "after": "dogs"}
    failed = carry_out(service, str(http.post("/tasks/mice/dataset", params=params, content=GOOD).json()["id"]))
    assert failed.error is not None
    assert (failed.error["status"], failed.error["title"]) == (409, "predecessor unknown")
    assert alone.digest in str(failed.error["detail"])
    monkeypatch.setattr("trainer.workers.tailoring.tailor", None)  # no hour of training comes before it is told again
    service.jobs.retry(failed.id)
    again = carry_out(service, failed.id)
    assert again.error is not None
    assert again.error["title"] == "predecessor unknown"


def test_a_backbone_that_was_not_pruned_fails_the_job_before_its_images_are_read(
    http: httpx.Client, service: Service
) -> None:
    service.registry.add_backbone("ours", random_backbone_file(), actor="ada")
    answer = http.post("/tasks/pets/dataset", params={"method": "packnet", "backbone": "ours"}, content=GOOD)
    failed = carry_out(service, str(answer.json()["id"]))
    assert failed.error is not None
    assert failed.error["type"] == "urn:nettailor:problem:backbone-not-pruned"
    assert failed.dataset is None


def test_what_is_not_understood_fails_before_it_is_trained_on(http: httpx.Client, service: Service) -> None:
    """Images in train/ and test/ and nothing that says what they show; a pattern of groups that matches nothing."""
    bare = {f"{split}/{at}.png": picture(at + len(split)) for split in ("train", "test") for at in range(9)}
    sent: list[tuple[bytes, dict[str, str]]] = [(zip_of(bare), {}), (GOOD, {"group_by": "shot"})]
    jobs = [http.post("/tasks/pets/dataset", params=params, content=data).json()["id"] for data, params in sent]
    for job, title, reason in (
        (jobs[0], "data set not understood", "are splits and no classes"),
        (jobs[1], "unusable options", "option group_by: the pattern matches no path of an image"),
    ):
        failed = carry_out(service, str(job))
        assert failed.error is not None
        assert (failed.state, failed.error["status"], failed.error["title"]) == ("failed", 422, title)
        assert reason in str(failed.error["detail"])
        assert not [entry for entry in service.jobs.store.events(failed.id) if entry.event.kind == "epoch"]


def test_images_much_larger_than_what_the_backbone_looks_at_are_told(
    http: httpx.Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_here(*_: object, **__: object) -> None:
        raise TrainingDiverged("teacher", 1)

    monkeypatch.setattr("trainer.workers.tailoring.tailor", stop_here)
    large = {f"{name}/{n}.png": picture(hash_seed(name, n), side=130) for name in ("cats", "dogs") for n in range(8)}
    job = str(http.post("/tasks/pets/dataset", content=zip_of(large)).json()["id"])
    ended = carry_out(service, job)
    told = "The images are larger (130 x 130 pixels in the middle) than the 32 x 32 that the backbone mini26 looks at"
    for known in (ended.inspection, ended.dataset):
        findings: Any = (known or {})["findings"]
        assert [finding["text"].startswith(told) for finding in findings] == [True]
    assert told in http.get(f"/jobs/{job}/dataset/report").text


def test_a_write_that_meets_a_full_disk(service: Service, job: str) -> None:
    with full_disk():
        failed = carry_out(service, job)
    assert failed.state == "failed"
    assert failed.error is not None
    assert (failed.error["status"], failed.error["title"]) == (507, "insufficient storage")
    assert failed.error["detail"] == (
        "there is not enough room on the disk: No space left on device; retry the job once there is room"
    )
    assert service.jobs.retry(job).state == "queued"
    service.jobs.recover()
    assert service.jobs.records.read(job).state == "queued"


def test_a_data_set_that_would_take_the_reserve(service: Service, job: str) -> None:
    object.__setattr__(service.settings, "disk_reserve_bytes", 10**18)
    failed = carry_out(service, job)
    assert failed.error is not None
    assert failed.error["status"] == 507
    assert "kept in reserve" in str(failed.error["detail"])
    assert not (service.settings.work_dir / job / "upload").exists()


def test_a_retry_that_comes_after_its_upload_was_deleted(service: Service, job: str) -> None:
    service.blobs.delete(service.jobs.store.get(job).upload)
    failed = carry_out(service, job)
    assert failed.error is not None
    assert (failed.error["status"], failed.error["title"]) == (410, "upload is gone")
