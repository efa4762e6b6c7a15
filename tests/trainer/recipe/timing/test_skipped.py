"""What a time budget left out, in words."""

import json
from pathlib import Path

from trainer.recipe.config import RecipeConfig
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.recipe.timing.skipped import skipped

CONFIG = RecipeConfig.preset("thorough")
IMAGES = 3200  # a hundred steps an epoch: 15 epochs of the teacher, 24 of the student


def words(folder: Path, **made: object) -> list[str]:
    (folder / "decisions.json").write_text(json.dumps(made))
    return skipped(DecisionLog(folder / "decisions.json"), CONFIG, folds=2, images=IMAGES)


def test_where_all_of_it_fitted_nothing_was_skipped(tmp_path: Path) -> None:
    lrs, cycles = CONFIG.teacher_lrs, CONFIG.teacher_cycles
    whole = {"folds": 2, "lrs": lrs, "cycles": cycles, "epochs": None}
    assert words(tmp_path, teacher=whole, student={"epochs": None}, k01=True, polish00=True, bf16=False) == []


def test_what_was_given_up_is_named(tmp_path: Path) -> None:
    teacher = {"folds": 1, "lrs": [0.03], "cycles": [], "epochs": 2}
    assert words(tmp_path, teacher=teacher, student={"epochs": 3}, retrain={"epochs": 1}, k02=True, k03=False) == [
        "teacher: 2 of 15 epochs",
        "teacher: 1 of 4 learning rates",
        "teacher: no longer cycles",
        "validation: 1 of 2 folds",
        "student: 3 of 24 epochs",
        "retraining: 1 of 48 epochs",
        "search: smaller networks were not tried",
    ]
