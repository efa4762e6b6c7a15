from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nettailor.bundle.manifest import Manifest
from registry.policy.policy import Policy
from registry.policy.policy_check import Measurement, judge
from tests.registry.published import manifest


@dataclass(frozen=True, kw_only=True)
class Some:
    version: int
    manifest: Manifest
    job: str | None = "j1"


def some(version: int, *, accuracy: float | None = 0.9, dataset: str = "signs", macs: float = 0.5) -> Some:
    return Some(version=version, manifest=manifest(accuracy=accuracy, dataset=dataset, macs=macs))


@pytest.mark.parametrize(
    ("policy", "passed", "actual"),
    [
        (Policy(min_accuracy=0.9), True, 0.9),
        (Policy(min_accuracy=0.901), False, 0.9),
        (Policy(max_drop=0.01), True, 0.01),  # 0.91 - 0.9 is a little more than 0.01 in binary
        (Policy(max_drop=0.009), False, 0.01),
        (Policy(max_macs=0.5), True, 0.5),
        (Policy(max_macs=0.499), False, 0.5),
    ],
)
def test_each_requirement_alone(policy: Policy, passed: bool, actual: float) -> None:
    evidence = judge(policy, some(2), some(1, accuracy=0.91))
    (check,) = evidence.checks
    assert (evidence.version, evidence.live, evidence.passed) == (2, 1, passed)
    assert check.passed == passed
    assert check.actual == pytest.approx(actual)
    assert vars(policy)[check.name] == check.required


def test_all_checks_are_shown_and_all_must_pass() -> None:
    evidence = judge(Policy(min_accuracy=0.95, max_drop=0.1, max_macs=0.4), some(2), some(1))
    assert [(check.name, check.passed) for check in evidence.checks] == [
        ("min_accuracy", False),
        ("max_drop", True),
        ("max_macs", False),
    ]
    assert not evidence.passed
    assert "max_drop" not in evidence.summary(failed_only=True)
    assert "test accuracy 90.00%, at least 95.00% required" in evidence.summary()


def test_the_figures_that_were_decided_on_are_shown_and_whose_they_are() -> None:
    def judged(version: int, accuracy: float, job: str | None) -> Some:
        made = manifest(accuracy=accuracy)
        counted = made.model_copy(update={"recipe": made.recipe | {"images": {"test": 70}}})
        return Some(version=version, manifest=counted, job=job)

    (check,) = judge(Policy(max_drop=0.02), judged(2, 64 / 70, "j2"), judged(1, 65 / 70, "j1")).checks
    assert check.detail == (
        "test accuracy 64 of 70 images, 91% [83, 96], against 65 of 70 images, 93% [84, 97] of live version 1, "
        "2.00% less allowed"
    )
    (claimed,) = judge(Policy(min_accuracy=0.5), judged(2, 64 / 70, None), None).checks
    assert "91% [83, 96], as its bundle claims, at least" in claimed.detail


@pytest.mark.parametrize("images", [None, 70, {"test": "70"}, {"test": True}, {"test": -1}, {"test": 10**12}, {}])
def test_a_number_of_images_that_is_none_is_not_believed(images: object) -> None:
    made = manifest()
    assert made.model_copy(update={"recipe": {"images": images}}).test_images is None


def test_an_empty_policy_asks_for_nothing() -> None:
    assert judge(Policy(), some(2), some(1)).passed
    assert judge(Policy(), some(2), None).summary() == "nothing is required"


def test_with_nothing_live_there_is_no_drop() -> None:
    (check,) = judge(Policy(max_drop=0.0), some(1, accuracy=None), None).checks
    assert (check.passed, check.actual) == (True, None)


def test_other_datasets_cannot_be_compared_and_that_is_said() -> None:
    candidate, live = some(2, dataset="new"), some(1, accuracy=0.1)
    (check,) = judge(Policy(max_drop=0.01), candidate, live).checks
    assert (check.passed, check.actual) == (False, None)
    assert "no comparison is possible" in check.detail
    assert candidate.manifest.dataset in check.detail
    assert live.manifest.dataset in check.detail


def test_a_measurement_on_the_new_dataset_stands_in() -> None:
    candidate, live = some(3, accuracy=0.8, dataset="new"), some(2, accuracy=0.99)
    new = candidate.manifest.dataset

    def passed(version: int, dataset: str, accuracy: float | None) -> bool:
        measured = Measurement(version=version, dataset=dataset, accuracy=accuracy)
        return judge(Policy(max_drop=0.01), candidate, live, measured).passed

    assert passed(2, new, 0.805)
    assert not passed(2, new, 0.82)
    assert not passed(2, new, None)
    assert not passed(1, new, 0.805)  # of a version that is not live any more
    assert not passed(2, live.manifest.dataset, 0.805)  # on other images


@pytest.mark.parametrize(("new", "old", "lacking"), [(None, 0.9, 2), (0.9, None, 1)])
def test_an_accuracy_that_was_never_measured_proves_nothing(new: float | None, old: float | None, lacking: int) -> None:
    (check,) = judge(Policy(max_drop=1.0), some(2, accuracy=new), some(1, accuracy=old)).checks
    assert not check.passed
    assert f"version {lacking}" in check.detail
    assert not judge(Policy(min_accuracy=0.0), some(2, accuracy=None), None).passed


def test_a_manifest_that_counts_no_macs_passes_no_ceiling() -> None:
    empty = manifest().complexity.model_copy(
        update={"stem_macs": 0, "shared_macs_kept": 0, "shared_macs_removed": 0, "task_macs": 0}
    )
    made = manifest().model_copy(update={"complexity": empty})
    (check,) = judge(Policy(max_macs=9.0), Some(version=1, manifest=made), None).checks
    assert (check.passed, check.actual) == (False, None)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_laxer_policy_passes_whatever_a_stricter_one_does(new: float, old: float, one: float, two: float) -> None:
    candidate, live = some(2, accuracy=new), some(1, accuracy=old)
    low, high = sorted((one, two))
    if judge(Policy(min_accuracy=high, max_drop=low, max_macs=low), candidate, live).passed:
        assert judge(Policy(min_accuracy=low, max_drop=high, max_macs=high), candidate, live).passed


@pytest.mark.parametrize(
    "fields",
    [{"min_accuracy": 1.1}, {"max_drop": -0.1}, {"max_macs": -1.0}, {"max_macs": float("inf")}, {"max_int8_drop": 2.0}],
)
@pytest.mark.parametrize("number", [None, float("nan")])
def test_a_policy_out_of_range_is_refused(fields: dict[str, float], number: float | None) -> None:
    asked: dict[str, Any] = {name: value if number is None else number for name, value in fields.items()}
    with pytest.raises(ValueError, match=next(iter(fields))):
        Policy(**asked)
