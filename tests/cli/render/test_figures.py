import io

import pytest
from rich.console import Console
from torch import nn

from cli.render.figures import figures_of, full_model_bytes
from cli.render.tables import figures_table, jobs_table, predictions_table, size, tasks_table
from nettailor.architecture.plan import full_plan
from nettailor.bundle.manifest import Accuracy, BackboneReference, Complexity, Manifest, Metrics
from nettailor.network.backbones import build_backbone


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


def _shown(*tables: object) -> str:
    written = io.StringIO()
    Console(width=160, file=written).print(*tables)
    return written.getvalue()


def test_tables_show_what_they_are_given() -> None:
    answer = {
        "task": "signs",
        "version": 3,
        "predictions": [[{"label": "stop", "probability": 0.98}, {"label": "go", "probability": 0.02}]],
        "tier": "device",
        "switch_ms": 0.0213,
        "inference_ms": 7.94,
    }
    text = _shown(
        figures_table([figures_of(_manifest(), bundle_bytes=52_300)]),
        predictions_table([("a.png", answer)]),
        tasks_table([{"task": "signs", "latest": 4, "aliases": {"live": 3, "candidate": 4}}]),
        jobs_table(
            [
                {"id": "j1", "task": "signs", "state": "failed", "progress": 0.25, "error": {"detail": "too small"}},
                {"id": "j2", "task": "signs", "state": "succeeded", "progress": 1.0, "result": {"version": 4}},
            ]
        ),
    )
    for part in ("95.0%", "35.0%", "25.0%", "52.3 KB", "signs v3", "stop", "0.980", "0.021 ms", "device"):
        assert part in text
    for part in ("candidate -> 4, live -> 3", "too small", "25%", "version 4"):
        assert part in text


def test_sizes() -> None:
    assert (size(52_300), size(6_100_000)) == ("52.3 KB", "6.10 MB")
