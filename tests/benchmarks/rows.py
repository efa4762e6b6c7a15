"""Rows of `benchmarks.tailor` as tests want them."""

from typing import Any

from benchmarks.tailor import Row


def row(task: str, seed: int, **figures: Any) -> Row:
    usual = {"teacher_accuracy": 0.8, "feature_accuracy": 0.7, "student_accuracy": 0.8, "blocks_removed": 4}
    shares = {"macs_removed": 0.4, "params_removed": 0.5, "task_params_share": 0.1, "validation_gap_points": 0.0}
    counts = {"images": 100, "classes": 5, "blocks": 12, "minutes": 1.0, "cpu_seconds": 60.0}
    return Row(task=task, seed=seed, **{**usual, **shares, **counts, **figures})
