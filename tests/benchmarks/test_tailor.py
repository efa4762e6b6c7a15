from pathlib import Path

import pytest

from benchmarks.tailor import Assignment, summary
from tests.benchmarks.rows import row


def test_a_cost_table_may_be_named_on_the_command_line() -> None:
    assignment = Assignment(
        archive="flowers.zip",
        seed=1,
        preset="fast",
        recipe={"cost_table": "tables/costs.json", "student.epochs": 3},
        backbone="mini26",
        folder="runs",
        threads=1,
    )
    config = assignment.config()
    assert (config.cost_table, config.student.epochs, config.seed) == (Path("tables/costs.json"), 3, 1)
    assert config.as_json()["cost_table"] == "costs.json"


def test_the_gap_is_against_the_better_one_of_teacher_and_features() -> None:
    assert row("flowers", 0, student_accuracy=0.81).gap_points == pytest.approx(1)
    assert row("flowers", 0, student_accuracy=0.81, feature_accuracy=0.83).gap_points == pytest.approx(-2)


def test_a_set_counts_once_and_the_worst_row_is_told() -> None:
    rows = [
        row("flowers", 0, student_accuracy=0.77, blocks_removed=0, params_removed=0.3),
        row("flowers", 1, student_accuracy=0.83, cpu_seconds=80.0),
        row("signs", 0, student_accuracy=0.82, params_removed=0.6),
    ]
    figures = summary(rows)
    assert figures["mean_accuracy_gap_points"] == 1.0
    assert figures["worst_accuracy_gap_points"] == 0.0
    assert figures["worst_row_gap_points"] == -3.0
    assert figures["mean_params_removed"] == 0.5
    assert figures["mean_cpu_seconds"] == 65.0
    assert figures["sets_that_keep_every_block"] == ["flowers"]
