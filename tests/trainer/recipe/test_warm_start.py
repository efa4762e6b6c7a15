"""Tailoring again from an earlier version: where the student begins, and what the two are compared on."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from nettailor.architecture.plan import full_plan
from nettailor.bundle.bundle import Bundle, decode, encode
from nettailor.errors import BundleWrongBackbone
from nettailor.network.backbones import Backbone
from nettailor.network.student import Student
from registry.registry import Registry
from tests.bundles import random_bundle, random_manifest, random_tensors
from tests.chains import link_bytes
from tests.nettailor.network.students import adapted_looking
from tests.processes.environment import set_only
from tests.trainer import archives, fake_recipe
from tests.trainer.datasets import dataset_file
from tests.trainer.publishing.tailored import tailored
from tests.trainer.recipe.runs import Broken, fold_in, seeded_backbone
from tests.trainer.tiny import tiniest_config, tiny_config, tiny_task
from tests.trainer.tiny_geometry import NAME
from trainer.errors import OptionsInvalid
from trainer.events import Event
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze
from trainer.intake.splits.cut import cut_splits
from trainer.publishing.comparison import compare
from trainer.recipe.pipeline import tailor_data
from trainer.recipe.warm_start import WarmStart, find_warm_start, start_from, without_trained_on
from trainer.service import Service
from trainer.settings import Settings
from trainer.training.data import evaluation_batches, load_dataset
from trainer.training.evaluate import image_digests, measure_accuracy
from trainer.workers import tailoring


def earlier(backbone: Backbone, *, classes: int = 3, seed: int = 0, task: str = "colours") -> Bundle:
    manifest, tensors = random_bundle(
        task=task, backbone=backbone.name, fingerprint=backbone.fingerprint(), classes=classes, seed=seed
    )
    return decode(encode(manifest, tensors))


def warm(bundle: Bundle, *, trained_on: Collection[str] | None = None, version: int = 3) -> WarmStart:
    images = None if trained_on is None else frozenset(trained_on)
    return WarmStart(version=version, bundle=bundle, trained_on=images, chosen_by=images)


def test_the_student_begins_with_what_both_have(backbone: Backbone) -> None:
    bundle = earlier(backbone)
    plan = bundle.manifest.plan
    student = Student(backbone, plan=full_plan(12, 3), classes=4, statistics="task")
    before = {name: value.clone() for name, value in student.state_dict().items()}
    start_from(student, bundle, ["class 2", "new", "class 0", "another"])
    after = student.state_dict()

    both = set(plan.proxy_paths()) & set(student.plan.proxy_paths())
    assert both
    for source, node in student.plan.proxy_paths():
        name = f"proxies.{node}.{source}.conv.weight"
        wanted = torch.from_numpy(bundle.tensors[name].copy()) if (source, node) in both else before[name]
        assert torch.equal(after[name], wanted)

    head = torch.from_numpy(bundle.tensors["head.weight"].copy())
    assert torch.equal(
        student.head.weight, torch.stack([head[2], before["head.weight"][1], head[0], before["head.weight"][3]])
    )

    for node in student.plan.nodes():
        alphas = student.alpha(node).detach()
        assert float(alphas.sum()) == pytest.approx(1)
        if not plan.present(node):
            assert torch.equal(after[f"alphas.{node}"], before[f"alphas.{node}"])
        elif plan.keeps_block(node):
            kept = float(bundle.tensors[f"alphas.{node}"][0])
            assert float(alphas[0]) <= kept + 1e-6
            assert float(alphas[0]) >= 0.89 * kept
        else:
            assert 0 < float(alphas[0]) <= 0.1 + 1e-6


def test_where_the_plans_agree_the_student_is_the_earlier_network(backbone: Backbone) -> None:
    plan = full_plan(12, 3)
    manifest = random_manifest(task="pets", fingerprint=backbone.fingerprint(), plan=plan, classes=3)
    bundle = decode(encode(manifest, random_tensors(manifest, seed=1)))
    student = Student(backbone, plan=plan, classes=3, statistics="task").eval()
    start_from(student, bundle, manifest.classes)
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(student(images), Student.from_bundle(backbone, bundle)(images))


def test_what_its_blocks_had_learned_is_there_in_training_too(tmp_path: Path) -> None:
    """A student that does not move is the earlier network, although batches have statistics of their own."""
    config = tiny_config(statistics="task", student=replace(tiny_config().student, epochs=1, lr=1e-9))
    first = replace(fold_in(tmp_path / "first"), config=config)
    network = first.empty_student(full_plan(first.backbone.depth, config.skips))
    network = adapted_looking(network)
    first.reestimate_statistics(network, None)
    manifest = random_manifest(
        backbone=NAME, fingerprint=first.backbone.fingerprint(), plan=network.plan, classes=first.classes
    )
    bundle = decode(encode(manifest, network.bundle_tensors()))
    start = partial(start_from, bundle=bundle, classes=manifest.classes)
    second = replace(fold_in(tmp_path / "second"), config=config, warm=start)
    student = second.student(second.teacher(config.teacher))
    batch = next(evaluation_batches(first.train, first.preprocessing))[0]
    with torch.inference_mode():
        torch.testing.assert_close(student(batch), network.eval()(batch), rtol=2e-2, atol=2e-2)


def test_a_warm_tailoring_says_so_survives_a_break_and_pools_no_folds(tmp_path: Path) -> None:
    start = warm(earlier(seeded_backbone()))
    config = tiniest_config(folds=3)

    def run(folder: Path, report: object = lambda event: None) -> bytes:
        result = tailor_data(
            "colours",
            tiny_task(),
            config,
            backbone=seeded_backbone(),
            report=report,  # type: ignore[arg-type]  # a function of an event
            checkpoints=folder,
            warm=start,
        )
        assert result.manifest.recipe["warm_start"] == start.bundle.digest
        assert result.manifest.recipe["pooled_folds"] == 1
        return result.bundle

    def die(event: Event) -> None:
        if event.kind == "epoch" and event.stage == "student":
            raise Broken

    whole = run(tmp_path / "whole")
    with pytest.raises(Broken):
        run(tmp_path / "broken", die)
    assert run(tmp_path / "broken") == whole


def test_only_from_the_same_backbone(tmp_path: Path, backbone: Backbone) -> None:
    with pytest.raises(BundleWrongBackbone):
        tailor_data(
            "colours",
            tiny_task(),
            tiny_config(),
            backbone=seeded_backbone(),
            report=lambda event: None,
            checkpoints=tmp_path,
            warm=warm(earlier(backbone)),
        )


def test_the_version_is_fixed_at_the_first_look(registry: Registry, backbone: Backbone, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    with pytest.raises(OptionsInvalid, match="warm_start"):
        find_warm_start("live", "colours", registry, folder)
    for seed in (1, 2):
        manifest, tensors = random_bundle(task="colours", fingerprint=backbone.fingerprint(), seed=seed)
        registry.publish("colours", encode(manifest, tensors), actor="ada")
    registry.promote("colours", "live", 1, actor="ada", reason="")
    found = find_warm_start("live", "colours", registry, folder)
    registry.promote("colours", "live", 2, actor="ada", reason="")
    again = find_warm_start("live", "colours", registry, folder)
    assert (found.version, again.version, again.bundle.digest) == (1, 1, found.bundle.digest)
    assert find_warm_start("2", "colours", registry, tmp_path).version == 2


def test_a_version_of_a_chain_that_is_live_by_then_is_refused(registry: Registry, tmp_path: Path) -> None:
    """Not after the training, when it would be compared with what began as it."""
    registry.publish("colours", link_bytes("colours"), actor="ada")
    registry.promote("colours", "live", 1, actor="ada", reason="")
    with pytest.raises(OptionsInvalid, match="method packnet: it has no proxies to start from"):
        find_warm_start("live", "colours", registry, tmp_path)


def test_they_are_compared_on_images_the_earlier_one_never_saw(
    registry: Registry, backbone: Backbone, tmp_path: Path
) -> None:
    """Images are added, so that the borders of the splits move, and one of the old training images is tested on."""
    old = dataset_file(tmp_path, 1)
    upload, new = tmp_path / "more.zip", tmp_path / "new.zip"
    folders = {f"train/{name}": data for name, data in archives.class_folders(each=20, seed=1).items()}
    moved = sorted(folders)[:5]
    files = {(name.replace("train/", "test/") if name in moved else name): data for name, data in folders.items()}
    files |= {f"test/{name}": data for name, data in archives.class_folders(each=6, seed=7).items()}
    upload.write_bytes(archives.zip_of(files))
    freeze(upload, new, IntakeLimits())
    registry.blobs.put(old)
    manifest = decode(tailored(backbone, old, accuracy=0.9).bundle).manifest
    registry.publish("pets", encode(manifest, random_tensors(manifest, seed=0)), actor="ada")
    start = find_warm_start("1", "pets", registry, tmp_path)
    assert not (tmp_path / "earlier-dataset.zip").exists()
    fresh = decode(tailored(backbone, new, accuracy=0.9, seed=1).bundle)
    found = compare(start, fresh, new, backbone)

    tested = set(image_digests(new, "test"))
    seen = tested & {*image_digests(old, "train"), *image_digests(old, "val")}
    assert seen
    assert len(tested) > len(seen) + 4
    assert (found["version"], found["dataset"]) == (1, fresh.manifest.dataset)
    assert (found["images"], found["seen"]) == (len(tested) - len(seen), len(seen))
    assert found["accuracy"] == measure_accuracy(start.bundle, new, backbone, leaving_out=seen)
    assert found["new_accuracy"] == measure_accuracy(fresh, new, backbone, leaving_out=seen)

    data = load_dataset(new, backbone.preprocessing)
    digests = image_digests(new, "val")
    left = without_trained_on(data.val, digests, start)
    assert len(left) == sum(digest not in set(image_digests(old, "train")) for digest in digests)
    assert without_trained_on(data.val, digests, warm(start.bundle)) is data.val
    assert without_trained_on(data.val, digests, warm(start.bundle, trained_on=digests)) is data.val
    some = without_trained_on(data.val, digests, warm(start.bundle, trained_on=digests[:2]))
    assert torch.equal(some.exact(), data.val.exact()[2:])


def test_without_the_earlier_dataset_nothing_is_left_out(
    registry: Registry, backbone: Backbone, tmp_path: Path
) -> None:
    dataset = dataset_file(tmp_path, 2)
    made = tailored(backbone, dataset, accuracy=0.9)
    registry.publish("pets", made.bundle, actor="ada")
    start = find_warm_start("1", "pets", registry, tmp_path)
    assert start.seen is None
    found = compare(start, start.bundle, dataset, backbone)
    assert found["seen"] is None
    assert found["accuracy"] == found["new_accuracy"] == measure_accuracy(start.bundle, dataset, backbone)


def test_added_images_move_some_old_ones_into_the_test_split() -> None:
    """The border of the test split moves a little: what lies next to it is mostly of the validation split. So the
    comparison has to leave images out, and this says why."""
    rng = np.random.default_rng(0)
    images = [rng.bytes(8).hex() for _ in range(300)]
    before, after = (cut_splits(images[:count], ("test", "val")) for count in (200, 300))
    leaked = [
        before[image] for image, split in after.items() if split == "test" and before.get(image, "test") != "test"
    ]
    assert len(leaked) < 12
    assert leaked.count("train") == 0


def test_a_job_begins_with_what_is_live_and_is_compared_with_it(
    http: httpx.Client, service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way of two jobs, but for the recipe."""
    set_only(monkeypatch, DATA_DIR=settings.data_dir, REDIS_URL=settings.redis_url)
    seen: list[WarmStart | None] = []

    def tailor(*arguments: Any, warm: WarmStart | None, **options: Any) -> fake_recipe.Tailored:
        seen.append(warm)
        return fake_recipe.tailor(*arguments, **options)

    monkeypatch.setattr(tailoring, "tailor", tailor)
    service.stop()  # its reconciler would take a run without a worker for a lost one

    def run(each: int, seed: int, **options: str) -> dict[str, Any]:
        data = archives.zip_of(archives.class_folders(each=each))
        answer = http.post("/tasks/pets/dataset", params={"seed": seed, **options}, content=data)
        assert answer.status_code == 202, answer.text
        tailoring.run(answer.json()["id"], 1)
        job = service.jobs.store.get(answer.json()["id"])
        assert job.result is not None, job.error
        return dict(job.result)

    first = run(20, 1)
    assert "compared" not in first
    second = run(30, 2, warm_start="live")
    assert seen[0] is None
    assert seen[1] is not None
    assert (seen[1].version, seen[1].bundle.digest) == (1, first["digest"])
    compared = second["compared"]
    assert (compared["version"], compared["dataset"]) == (
        1,
        service.registry.version_record("pets", 2).manifest.dataset,
    )
    assert 0 <= compared["accuracy"] <= 1
    assert compared["images"] + compared["seen"] == 12  # a fifth of 60 images


def test_a_version_that_is_gone_by_then_fails_the_job_by_name(
    http: httpx.Client, service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch, backbone: Backbone
) -> None:
    set_only(monkeypatch, DATA_DIR=settings.data_dir, REDIS_URL=settings.redis_url)
    manifest, tensors = random_bundle(task="pets", fingerprint=backbone.fingerprint())
    service.registry.publish("pets", encode(manifest, tensors), actor="ada")
    data = archives.zip_of(archives.class_folders())
    job = http.post("/tasks/pets/dataset?warm_start=1", content=data).json()["id"]
    service.registry.delete_version("pets", 1, actor="ada", reason="")
    service.stop()  # as above
    tailoring.run(job, 1)
    ended = service.jobs.store.get(job)
    assert (ended.state, ended.attempt) == ("failed", 1)
    assert ended.error is not None
    assert (ended.error["status"], "warm_start" in str(ended.error["detail"])) == (422, True)
