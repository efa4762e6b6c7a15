import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.intake.statistics import EVEN, imbalance
from trainer.training.class_weights import class_weights


def labels_of(counts: list[int]) -> torch.Tensor:
    return torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])


def test_even_classes_are_left_alone() -> None:
    assert class_weights(labels_of([10, 50, 20]), 3) is None
    assert class_weights(labels_of([10, 51, 20]), 3) is not None
    assert imbalance([10, 50]) == EVEN


def test_four_times_as_rare_counts_twice() -> None:
    weights = class_weights(labels_of([100, 25, 4]), 3)
    assert weights is not None
    assert float(weights[1] / weights[0]) == pytest.approx(2)
    assert float(weights[2] / weights[0]) == pytest.approx(5)


@given(counts=st.lists(st.integers(1, 300), min_size=2, max_size=20))
def test_the_mean_over_the_images_is_one(counts: list[int]) -> None:
    labels = labels_of(counts)
    weights = class_weights(labels, len(counts))
    if weights is not None:
        assert float(weights[labels].double().mean()) == pytest.approx(1, abs=1e-5)
