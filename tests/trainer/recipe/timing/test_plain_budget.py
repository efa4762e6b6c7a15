"""`max_minutes` of methods that only add to the backbone: what fits, decided once."""

from dataclasses import replace
from pathlib import Path

import pytest

from nettailor.bundle.manifest import Method
from tests.trainer.recipe.timing.set_time import SetTime
from trainer.errors import TimeTooShort
from trainer.recipe.config import RecipeConfig
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.recipe.timing.plain_budget import PlainBudget
from trainer.recipe.timing.throughput import Throughput

IMAGES, FOLDS = 1000, 3
PACE = Throughput(image=0.002, epoch=0.5)  # an epoch of 2.5 s, 13 of which are a run at one rate
RATES = (0.03, 0.1, 0.3)


def budget_in(
    folder: Path, minutes: float, log: list[str] | None = None, elapsed: SetTime | None = None
) -> PlainBudget:
    return PlainBudget(
        minutes=minutes,
        elapsed=elapsed or SetTime(),
        decision_log=DecisionLog(folder / "decisions.json"),
        throughput=PACE,
        images=IMAGES,
        measured_images=200,
        log=([] if log is None else log).append,
    )


def config_of(method: Method = "batchnorm") -> RecipeConfig:
    statistics = "frozen" if method == "features" else "task"
    return RecipeConfig(method=method, method_lrs=RATES, statistics=statistics)  # type: ignore[arg-type]  # by cases


@pytest.mark.parametrize(
    ("minutes", "rates", "folds", "skipped"),
    [
        (60, RATES, 3, ()),
        (2.5, (0.1,), 3, ("1 of 3 learning rates",)),
        (1.2, (0.1,), 1, ("1 of 3 learning rates", "1 of 3 folds")),
        (0.4, (0.1,), 1, ("1 of 3 learning rates", "13 epochs", "1 of 3 folds")),
    ],
)
def test_extras_go_before_epochs(
    tmp_path: Path, minutes: float, rates: tuple[float, ...], folds: int, skipped: tuple[str, ...]
) -> None:
    budget = budget_in(tmp_path, minutes)
    config, pooled = budget.plan(config_of(), FOLDS)
    assert (config.rates, pooled) == (rates, folds)
    assert config.student.epochs_of(IMAGES) <= 13
    told = list(budget.skipped(config_of(), FOLDS))
    assert len(told) == len(skipped)
    assert all(part in text for part, text in zip(skipped, told, strict=True))


def test_without_time_for_an_epoch_nothing_but_the_classifier_is_fitted(tmp_path: Path) -> None:
    log: list[str] = []
    config, folds = budget_in(tmp_path, 0.1, log).plan(config_of(), FOLDS)
    assert (config.adapts, config.trains_plain, folds) == (False, False, 1)
    assert "anything but the classifier" in log[-1]


def test_features_give_up_folds_alone(tmp_path: Path) -> None:
    for number, (minutes, folds) in enumerate([(1, 3), (0.04, 1)]):
        config, pooled = budget_in(tmp_path / str(number), minutes).plan(config_of("features"), FOLDS)
        assert (config, pooled) == (config_of("features"), folds)


@pytest.mark.parametrize("method", ["features", "dan"])
def test_too_short_a_time_says_how_much_is_needed(tmp_path: Path, method: Method) -> None:
    with pytest.raises(TimeTooShort) as fault:
        budget_in(tmp_path, 0.001).plan(config_of(method), FOLDS)
    assert 0.01 < fault.value.needed < 1


def test_what_was_decided_stays_so(tmp_path: Path) -> None:
    first = budget_in(tmp_path, 2.5)
    planned = first.plan(config_of(), FOLDS)
    allowed = first.allows(2, replace(config_of(), method_lrs=RATES), FOLDS)
    late = SetTime()
    late.now = 1e6
    again = budget_in(tmp_path, 2.5, elapsed=late)
    assert again.plan(config_of(), FOLDS) == planned
    assert again.allows(2, config_of(), FOLDS) == allowed
    assert not again.allows(3, config_of(), FOLDS)


def test_the_report_has_minutes(tmp_path: Path) -> None:
    elapsed = SetTime()
    budget = budget_in(tmp_path, 60, elapsed=elapsed)
    budget.plan(config_of(), FOLDS)
    elapsed.now = 90.0
    report = budget.report()
    assert (report["max_minutes"], report["used_minutes"]) == (60, 1.5)
    assert isinstance(report["stages"], list)


@pytest.mark.parametrize(("in_time", "told"), [(1, ["student: 1 of 3 learning rates"]), (3, [])])
def test_rates_after_one_that_was_refused_are_skipped_too(tmp_path: Path, in_time: int, told: list[str]) -> None:
    elapsed = SetTime()
    budget = budget_in(tmp_path, 60, elapsed=elapsed)
    config, folds = budget.plan(config_of(), FOLDS)
    for number in range(1, len(RATES) + 1):
        if number > in_time:
            elapsed.now = 1e6
        if not budget.allows(number, config, folds):
            break
    assert list(budget.skipped(config_of(), FOLDS)) == told
