"""Which version goes live: judged on the same test images, whatever the live version was trained on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from nettailor.bundle.bundle import decode, digest_of
from nettailor.images import normalise
from nettailor.network.backbones import Backbone, build_backbone
from nettailor.network.student import Student
from registry.errors import TaskUnknown, TaskWasDeleted
from registry.journal.records import AliasMoved, VersionRecord
from registry.policy.policy import Policy
from registry.registry import Registry
from tests.trainer.datasets import dataset_file
from tests.trainer.publishing.tailored import JOB, SLACK, tailored
from trainer.jobs.job import Job
from trainer.publishing.publish import publish
from trainer.training.data import load_dataset
from trainer.training.evaluate import measure_accuracy


def test_on_the_same_data_the_claims_are_compared(registry: Registry, backbone: Backbone, tmp_path: Path) -> None:
    dataset = dataset_file(tmp_path, 0)
    steps = [(0.80, 1, "live"), (0.796, 2, "live"), (0.79, 3, "candidate"), (0.90, 4, "live"), (None, 5, "candidate")]
    for seed, (accuracy, version, alias) in enumerate(steps):
        made = tailored(backbone, dataset, accuracy=accuracy, seed=seed)
        result = publish(registry, JOB, made, dataset, backbone, slack=SLACK)
        assert (result["version"], result["alias"]) == (version, alias), result["reason"]
        again = publish(registry, JOB, made, dataset, backbone, slack=SLACK)
        assert (again["version"], again["alias"]) == (version, alias)
    assert registry.task("pets").aliases == {"live": 4, "candidate": 5}


def test_on_other_data_the_live_bundle_is_measured(registry: Registry, backbone: Backbone, tmp_path: Path) -> None:
    """Its claim (99%) on its own test images says nothing about the new ones."""
    old, new = dataset_file(tmp_path, 1), dataset_file(tmp_path, 2)
    first = tailored(backbone, old, accuracy=0.99)
    publish(registry, JOB, first, old, backbone, slack=SLACK)
    measured = measure_accuracy(decode(first.bundle), new, backbone)
    assert measured is not None
    worse = tailored(backbone, new, accuracy=max(0.0, measured - 0.01), seed=1)
    better = tailored(backbone, new, accuracy=measured, seed=2)
    if measured > 0.01:
        assert publish(registry, JOB, worse, new, backbone, slack=SLACK)["alias"] == "candidate"
    result = publish(registry, JOB, better, new, backbone, slack=SLACK)
    assert (result["alias"], registry.resolve("pets").digest) == ("live", digest_of(better.bundle))


def test_another_backbone_cannot_be_compared(registry: Registry, backbone: Backbone, tmp_path: Path) -> None:
    dataset = dataset_file(tmp_path, 3)
    publish(registry, JOB, tailored(backbone, dataset, accuracy=0.5), dataset, backbone, slack=SLACK)
    other = build_backbone("mini26").eval()
    result = publish(registry, JOB, tailored(other, dataset, accuracy=0.9), dataset, other, slack=SLACK)
    assert (result["alias"], "another backbone" in str(result["reason"])) == ("candidate", True)


def test_a_policy_of_the_task_decides_instead_of_the_slack(
    registry: Registry, backbone: Backbone, tmp_path: Path
) -> None:
    dataset = dataset_file(tmp_path, 5)

    def alias(accuracy: float, seed: int) -> object:
        made = tailored(backbone, dataset, accuracy=accuracy, seed=seed)
        return publish(registry, JOB, made, dataset, backbone, slack=SLACK)["alias"]

    assert alias(0.80, 0) == "live"
    registry.set_policy("pets", Policy(min_accuracy=0.75), actor="ada", reason="")
    assert alias(0.76, 1) == "live"  # 4 points lower: more than the slack, which is not asked
    assert alias(0.74, 2) == "candidate"
    registry.set_policy("pets", Policy(max_macs=0.0), actor="ada", reason="")
    assert alias(0.99, 3) == "candidate"
    registry.set_policy("pets", None, actor="ada", reason="")
    assert alias(0.75, 4) == "candidate"
    assert alias(0.76, 5) == "live"


def test_what_there_was_no_time_for_goes_live_only_where_somebody_says_so(
    registry: Registry, backbone: Backbone, tmp_path: Path
) -> None:
    dataset = dataset_file(tmp_path, 9)

    def published(seed: int, job: Job = JOB) -> dict[str, Any]:
        rough = tailored(backbone, dataset, accuracy=0.8, seed=seed, skipped=["teacher: 2 of 15 epochs"])
        return publish(registry, job, rough, dataset, backbone, slack=SLACK)

    first = published(0)
    assert (first["alias"], "teacher: 2 of 15 epochs" in first["reason"]) == ("candidate", True)
    registry.set_policy("pets", Policy(max_drop=0.1), actor="ada", reason="")
    assert published(1)["alias"] == "candidate"  # nothing is live: the policy says nothing of its accuracy
    assert published(2, replace(JOB, options={"accept_rough": True}))["alias"] == "live"
    assert published(3)["alias"] == "live"
    registry.set_policy("pets", Policy(min_accuracy=0.9), actor="ada", reason="")
    assert published(4)["alias"] == "candidate"
    registry.set_policy("pets", Policy(min_accuracy=0.8), actor="ada", reason="")
    assert published(5)["alias"] == "live"


def test_a_policy_of_the_task_gets_its_measurement(registry: Registry, backbone: Backbone, tmp_path: Path) -> None:
    old, new = dataset_file(tmp_path, 6), dataset_file(tmp_path, 7)
    first = tailored(backbone, old, accuracy=0.99)
    publish(registry, JOB, first, old, backbone, slack=SLACK)
    registry.set_policy("pets", Policy(max_drop=0.0), actor="ada", reason="")
    measured = measure_accuracy(decode(first.bundle), new, backbone)
    result = publish(registry, JOB, tailored(backbone, new, accuracy=measured, seed=1), new, backbone, slack=SLACK)
    assert result["alias"] == "live", result["reason"]
    move = registry.history("pets")[-1]
    assert isinstance(move, AliasMoved)
    assert move.evidence is not None
    assert [(check.name, check.actual) for check in move.evidence.checks] == [("max_drop", 0.0)]


def test_measured_accuracy_counts_classes_by_name(backbone: Backbone, tmp_path: Path) -> None:
    """The bundle knows cats and dogs, the dataset birds and dogs: only dogs called dogs are right."""
    dataset = dataset_file(tmp_path, 4, classes=("birds", "dogs"))
    bundle = decode(tailored(backbone, dataset, accuracy=None).bundle)
    data = load_dataset(dataset, bundle.manifest.preprocessing)
    images = torch.from_numpy(normalise(data.test.exact().numpy(), bundle.manifest.preprocessing))
    with torch.inference_mode():
        found = Student.from_bundle(backbone, bundle)(images).argmax(1)
    right = ((found == 1) & (data.test.labels == 1)).float().mean()
    assert measure_accuracy(bundle, dataset, backbone) == pytest.approx(float(right))


def test_what_was_accepted_before_its_task_was_deleted_is_refused(
    registry: Registry, backbone: Backbone, tmp_path: Path
) -> None:
    """Whether it is the first publish of the job or one more, and whether the task has been made anew or not."""
    dataset = dataset_file(tmp_path, 8)
    first, second = (tailored(backbone, dataset, accuracy=0.8, seed=seed) for seed in (0, 1))
    old = replace(JOB, task_sequence=registry.sequence("pets"))
    publish(registry, old, first, dataset, backbone, slack=SLACK)
    registry.delete_task("pets", actor="ann", reason="over")
    new = replace(JOB, task_sequence=registry.sequence("pets"))
    for job in (old, JOB):  # by number; by time, as of an older release
        for made in (first, second):
            with pytest.raises(TaskWasDeleted):
                publish(registry, job, made, dataset, backbone, slack=SLACK)
    assert registry.tasks() == []
    result = publish(registry, new, second, dataset, backbone, slack=SLACK)
    assert (result["version"], result["alias"]) == (2, "live")
    with pytest.raises(TaskWasDeleted):
        publish(registry, old, first, dataset, backbone, slack=SLACK)
    assert [record.version for record in registry.versions("pets")] == [2]


@pytest.mark.parametrize("anew", [True, False])
def test_a_deletion_between_the_version_and_its_alias(
    registry: Registry, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anew: bool
) -> None:
    dataset = dataset_file(tmp_path, 9)
    made, other = (tailored(backbone, dataset, accuracy=0.8, seed=seed) for seed in (0, 1))
    publish_in_the_registry = registry.publish

    def publish_and_be_late(*arguments: Any, **options: Any) -> VersionRecord:
        record = publish_in_the_registry(*arguments, **options)
        registry.delete_task("pets", actor="ann", reason="over")
        if anew:
            publish_in_the_registry("pets", other.bundle, actor="ann")
        return record

    monkeypatch.setattr(registry, "publish", publish_and_be_late)
    with pytest.raises(TaskWasDeleted):
        publish(registry, replace(JOB, task_sequence=0), made, dataset, backbone, slack=SLACK)
    assert [(task.latest, task.aliases) for task in registry.tasks()] == ([(2, {})] if anew else [])


def test_a_version_that_goes_without_its_task_is_an_error_of_its_own(
    registry: Registry, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = dataset_file(tmp_path, 10)
    publish_in_the_registry = registry.publish

    def publish_and_lose(*arguments: Any, **options: Any) -> VersionRecord:
        record = publish_in_the_registry(*arguments, **options)
        registry.delete_version("pets", record.version, actor="ann", reason="")
        return record

    monkeypatch.setattr(registry, "publish", publish_and_lose)
    made = tailored(backbone, dataset, accuracy=0.8)
    with pytest.raises(TaskUnknown):
        publish(registry, replace(JOB, task_sequence=0), made, dataset, backbone, slack=SLACK)
