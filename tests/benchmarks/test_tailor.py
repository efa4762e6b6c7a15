from pathlib import Path

from benchmarks.tailor import Assignment


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
