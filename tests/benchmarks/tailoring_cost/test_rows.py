from typing import Any

import pytest

from benchmarks.tailoring_cost.rows import Row, Side, summary


def row(side: Side, task: str, cpu: float, **figures: Any) -> Row:
    usual = {"preset": "balanced", "seed": 0, "finetuning_cpu_seconds": 100.0, "teacher_accuracy": 0.9}
    others = {"test_accuracy": 0.9, "blocks_removed": 4, "params_removed": 0.5, "macs_removed": 0.4}
    return Row(side=side, task=task, cpu_seconds=cpu, **{**usual, **others, **figures})


def test_cpu_time_is_compared_in_sum_and_accuracy_in_the_mean() -> None:
    rows = [
        row("before", "flowers", 1000, test_accuracy=0.8),
        row("now", "flowers", 250, test_accuracy=0.9),
        row("before", "signs", 500, finetuning_cpu_seconds=200),
        row("now", "signs", 350, test_accuracy=0.7),
        row("before", "signs", 90, preset="fast"),
        row("now", "signs", 90, preset="fast", finetuning_cpu_seconds=20),
    ]
    figures = summary(rows)
    assert figures["cpu_vs_before"] == {"balanced": 0.4, "fast": 1.0}
    assert figures["tailoring_vs_finetuning"] == {"balanced": 3.0, "fast": 4.5}
    assert figures["tailoring_vs_finetuning_before"] == {"balanced": 5.0, "fast": 0.9}
    assert figures["test_accuracy"]["balanced"] == {"before": pytest.approx(0.85), "now": pytest.approx(0.8)}
    assert len(figures["rows"]) == 6


def test_a_preset_of_one_side_has_what_needs_no_other() -> None:
    figures = summary([row("now", "signs", 90, preset="fast", finetuning_cpu_seconds=45)])
    assert figures["cpu_vs_before"] == figures["tailoring_vs_finetuning_before"] == {}
    assert figures["tailoring_vs_finetuning"] == {"fast": 2.0}
    assert figures["test_accuracy"] == {"fast": {"now": 0.9}}
