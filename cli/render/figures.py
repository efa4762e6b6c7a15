"""What a version saves against a full fine-tuned network, out of its manifest.

Removed shares are net: everything the task adds (proxies, alphas, per-task statistics, classifier) counts against
them, and the whole backbone, stem included, is the denominator. MACs: one multiply-add = 1, batch-norm 2 an output
element. Bytes are of float32.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from cli.render.table import change, new_table, number, size
from nettailor.accuracy import in_words
from nettailor.architecture.geometry import Geometry, geometry
from nettailor.bundle.manifest import Accuracy, Manifest

_FLOAT_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One task's row of the demo. Accuracies and removed parts are shares of 1; the field names are those of
    `nettailor demo --json`."""

    task: str
    teacher_accuracy: float | None  # of methods that train none
    student_accuracy: float
    macs_removed: float
    params_removed: float
    bundle_bytes: int
    full_model_bytes: int
    test_images: int | None = None  # that the accuracies are of


def figures_of(manifest: Manifest, *, bundle_bytes: int) -> Figures:
    counts = manifest.complexity
    return Figures(
        task=manifest.task,
        teacher_accuracy=_accuracy(manifest.metrics.teacher),
        student_accuracy=_accuracy(manifest.metrics.student) or 0.0,
        macs_removed=counts.net_macs_removed,
        params_removed=counts.net_params_removed,
        bundle_bytes=bundle_bytes,
        full_model_bytes=full_model_bytes(manifest),
        test_images=manifest.test_images,
    )


def figures_table(rows: Sequence[Figures]) -> Table:
    figures = ("teacher", "student", "MACs", "parameters", "bundle", "full model")
    table = new_table("Tailored tasks", "task", *map(number, figures))
    for row in rows:
        table.add_row(
            row.task,
            "–" if row.teacher_accuracy is None else in_words(row.teacher_accuracy, row.test_images),
            in_words(row.student_accuracy, row.test_images),
            change(row.macs_removed),
            change(row.params_removed),
            size(row.bundle_bytes),
            size(row.full_model_bytes),
        )
    table.caption = (
        "accuracy: test split, [95% interval]; MACs, parameters: against the whole backbone, with what the task adds;\n"
        "full model: a fine-tuned copy of the backbone, which each task would need otherwise"
    )
    return table


def full_model_bytes(manifest: Manifest) -> int:
    """Bytes of the tensors of a fully fine-tuned copy of the backbone with a classifier of this task's classes."""
    counts = manifest.complexity
    shape = geometry(manifest.backbone.id)
    head = len(manifest.classes) * (shape.channels[-1] + 1)
    return _FLOAT_BYTES * (counts.backbone_params + _running_statistics(shape) + head)


def _running_statistics(shape: Geometry) -> int:
    """A mean and a variance for every channel of every batch-norm layer."""
    return 2 * (shape.stem_channels + sum(sum(block.norms.values()) for block in shape.blocks))


def _accuracy(accuracy: Accuracy) -> float | None:
    """Of the test split, else of the validation split."""
    measured = accuracy.validation if accuracy.test is None else accuracy.test
    return None if measured is None else round(measured, 6)
