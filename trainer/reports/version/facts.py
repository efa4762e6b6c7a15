"""The report's figures as tables of words and numbers."""

import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nettailor.accuracy import in_words
from nettailor.bundle.manifest import Accuracy, Int8Cost, Manifest
from trainer.reports.render import fewer_or_more, percent
from trainer.reports.version.findings import Findings, Finished
from trainer.reports.version.settings_in_words import Row, settings_in_words


def _measured(share: float | None, images: int | None) -> str:
    return "–" if share is None else in_words(share, images)


def _against(cost: Int8Cost | None) -> str:
    if cost is None:
        return "–"
    points = f"{abs(100 * cost.lost):.1f} points {'less' if cost.lost > 0 else 'more'}" if cost.lost else "as accurate"
    return f"{points}, {percent(cost.same, cost.images)} of answers the same"


def accuracies(manifest: Manifest, test_images: int) -> list[Row]:
    def row(name: str, accuracy: Accuracy) -> Row:
        return name, _measured(accuracy.validation, manifest.validation_images), _measured(accuracy.test, test_images)

    metrics = manifest.metrics
    rows = [row("this version", metrics.student)]
    if metrics.int8 is not None:
        rows.append(("in int8, against that", _against(metrics.int8.validation), _against(metrics.int8.test)))
    if metrics.teacher != Accuracy():
        rows.insert(0, row("teacher (the whole network, fine-tuned)", metrics.teacher))
    search = manifest.recipe.get("teacher_search")
    if search is not None:
        features = Accuracy(validation=search["features"], test=search["features_test"])
        rows.append(row("a linear classifier on the backbone as it is", features))
    return rows


def costs(tailoring: Finished) -> list[Row]:
    """What is kept, removed and added: MACs of one image, parameters."""
    complexity = tailoring.manifest.complexity
    plan = tailoring.manifest.plan
    kept = 0 if tailoring.manifest.is_whole else sum(plan.blocks)
    return [
        ("blocks kept", f"{kept} of {plan.depth}", ""),
        ("proxies", str(sum(1 for _ in plan.proxy_paths())), ""),
        ("of the backbone kept", _count(complexity.shared_macs_kept), _count(complexity.shared_params_kept)),
        ("of the backbone removed", _count(complexity.shared_macs_removed), _count(complexity.shared_params_removed)),
        ("added by the task", _count(complexity.task_macs), _count(complexity.task_params)),
        (
            "than the backbone has, all counted",
            fewer_or_more(complexity.net_macs_removed),
            fewer_or_more(complexity.net_params_removed),
        ),
        ("size of the bundle", f"{tailoring.bundle.size_bytes / 1e6:.2f} MB", ""),
    ]


def _count(number: int) -> str:
    return f"{number / 1e6:,.2f} million" if number >= 1e5 else f"{number:,}"


def candidates(pareto_front: Sequence[Mapping[str, Any]], *, validated_on: int | None, test_images: int) -> list[Row]:
    """The networks that were tried, by blocks removed; accuracies with their intervals."""
    return [
        (
            f"−{row['k']}{' (chosen)' if row['chosen'] else ''}",
            _measured(row["accuracy"], validated_on),
            _measured(row.get("test_accuracy"), test_images),
            fewer_or_more(row["macs_removed"]),
            fewer_or_more(row["params_removed"]),
            "yes" if row["good"] else "no",
        )
        for row in pareto_front
    ]


def classes(findings: Findings) -> list[Row]:
    """Recall and precision of each class, the worst recall first."""
    rows = []
    for index, name in enumerate(findings.classes):
        true, found = findings.labels == index, findings.found == index
        both = int((true & found).sum())
        recall = both / int(true.sum()) if true.any() else float("nan")
        precision = both / int(found.sum()) if found.any() else float("nan")
        images = str(int(true.sum()))
        rows.append((recall, (name, images, _share(recall, true), _share(precision, found))))
    return [row for _, row in sorted(rows, key=lambda pair: (np.nan_to_num(pair[0], nan=2.0), pair[1]))]


def _share(value: float, of: NDArray[np.bool_]) -> str:
    return "–" if np.isnan(value) else percent(value, int(of.sum()))


def left_out(inspection: Mapping[str, Any] | None) -> list[Row]:
    """How many files of the upload were left out, by the reason."""
    groups = [] if inspection is None else inspection["left_out_reasons"]
    return [(str(group["count"]), group["reason"]) for group in groups]


def environment(tailoring: Finished) -> list[Row]:
    manifest = tailoring.manifest
    made = [] if tailoring.origin is None else [("job", tailoring.origin.job)]
    return [
        ("task", manifest.task),
        *made,
        ("method", manifest.method),
        *([] if manifest.predecessor is None else [("stands on bundle", manifest.predecessor)]),
        ("backbone", f"{manifest.backbone.id} ({manifest.backbone.fingerprint[:12]}…)"),
        ("dataset", manifest.dataset),
        ("seed", str(manifest.seed)),
        *((f"{name}", version) for name, version in manifest.libraries.items()),
        ("machine", f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"),
        ("threads", str(torch.get_num_threads())),
        *((f"time of {stage}", f"{seconds:.1f} s") for stage, seconds in tailoring.seconds.items()),
        *settings_in_words(manifest.recipe),
    ]


def stage_minutes(time: Mapping[str, Any]) -> list[Row]:
    """What each stage might take and took, where the job's time was limited."""
    return [
        (
            stage["stage"],
            f"{stage['planned_minutes']:.1f}",
            f"{stage['used_minutes']:.1f}",
            "as the preset has it" if stage["epochs"] is None else str(stage["epochs"]),
        )
        for stage in time["stages"]
    ]
