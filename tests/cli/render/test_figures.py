import pytest
from torch import nn

from cli.render.figures import figures_of, figures_table, full_model_bytes
from nettailor.architecture.plan import full_plan
from nettailor.bundle.manifest import Accuracy, BackboneReference, Complexity, Manifest, Metrics
from nettailor.network.backbones import build_backbone
from tests.cli.render.shown import shown


def _manifest(backbone: str = "mini26", depth: int = 12, **counts: int) -> Manifest:
    complexity = {
        "stem_macs": 100,
        "stem_params": 10,
        "shared_macs_kept": 500,
        "shared_macs_removed": 400,
        "shared_params_kept": 60,
        "shared_params_removed": 30,
        "task_macs": 50,
        "task_params": 5,
    }
    return Manifest(
        task="signs",
        backbone=BackboneReference(id=backbone, fingerprint="0" * 64),
        plan=full_plan(depth, 3),
        statistics="task",
        classes=("go", "stop"),
        preprocessing=build_backbone("mini26").preprocessing,
        metrics=Metrics(teacher=Accuracy(validation=0.9, test=0.95), student=Accuracy(validation=0.9, test=None)),
        complexity=Complexity(**(complexity | counts)),
        recipe={},
        seed=0,
        dataset="sha256:" + "0" * 64,
        libraries={},
    )


def test_what_the_task_adds_counts_against_what_it_removes() -> None:
    figures = figures_of(_manifest(), bundle_bytes=1234)
    assert figures.macs_removed == pytest.approx((400 - 50) / 1000)
    assert figures.params_removed == pytest.approx((30 - 5) / 100)
    assert figures.bundle_bytes == 1234


def test_the_test_split_comes_before_the_validation_split() -> None:
    figures = figures_of(_manifest(), bundle_bytes=1)
    assert (figures.teacher_accuracy, figures.student_accuracy) == (0.95, 0.9)


def test_without_a_teacher_there_is_no_accuracy_of_one() -> None:
    manifest = _manifest()
    metrics = manifest.metrics.model_copy(update={"teacher": Accuracy()})
    figures = figures_of(manifest.model_copy(update={"metrics": metrics}), bundle_bytes=1)
    assert figures.teacher_accuracy is None
    assert "–" in shown(figures_table([figures]))


@pytest.mark.parametrize("name", ["mini26", "resnet18", "resnet50"])
def test_a_full_model_is_as_large_as_a_saved_one(name: str) -> None:
    backbone = build_backbone(name)
    model = nn.ModuleList([backbone, nn.Linear(backbone.channels[-1], 2)])
    saved = sum(t.numel() * t.element_size() for key, t in model.state_dict().items() if "num_batches" not in key)
    parameters = sum(p.numel() for p in backbone.parameters())
    stem = sum(p.numel() for p in backbone.stem.parameters())
    manifest = _manifest(
        name,
        backbone.depth,
        stem_params=stem,
        shared_params_kept=1000,
        shared_params_removed=parameters - stem - 1000,
    )
    assert full_model_bytes(manifest) == saved


def test_the_table_shows_shares_of_the_whole_backbone() -> None:
    text = shown(figures_table([figures_of(_manifest(), bundle_bytes=52_300)]))
    for part in ("95.0%", "90.0%", "-35.0%", "-25.0%", "52.3 KB"):
        assert part in text
