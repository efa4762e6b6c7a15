import numpy as np
import pytest
import torch
from torch import Tensor

from nettailor.network.int8.histogram import Histogram


def best_by_trying(values: Tensor) -> float:
    """The definition, without bins."""

    def error(largest: float) -> float:
        step = largest / 255
        return float(((torch.round(values / step).clamp(0, 255) * step - values) ** 2).sum())

    tried: list[float] = [float(values.max()) * 2.0 ** (-i / 8) for i in range(33)]
    return min(tried, key=error)


@pytest.mark.parametrize("shape", ["even", "normal", "outlier"])
def test_the_range_is_the_best_of_those_that_are_tried(shape: str) -> None:
    generator = torch.Generator().manual_seed(0)
    values = {
        "even": torch.rand(50_000, generator=generator),
        "normal": torch.randn(50_000, generator=generator).relu(),
        "outlier": torch.cat([torch.rand(500_000, generator=generator), torch.tensor([1.3])]),
    }[shape].double()
    histogram = Histogram()
    histogram.add(values.float())
    assert histogram.best_range() == pytest.approx(best_by_trying(values), rel=1e-6)
    assert (histogram.best_range() < float(values.max()) * 0.99) == (shape == "outlier")


def test_neither_order_nor_batches_matter() -> None:
    values = torch.randn(4000, generator=torch.Generator().manual_seed(0)).relu()
    at_once, in_parts = Histogram(), Histogram()
    at_once.add(values)
    for part in values.flip(0).reshape(8, 5, 100).split(3):
        in_parts.add(part)
    assert at_once.best_range() == in_parts.best_range()


def test_what_is_always_zero_has_a_range_all_the_same() -> None:
    histogram = Histogram()
    histogram.add(torch.zeros(3, 4))
    assert histogram.best_range() == 1.0


def test_a_single_value_is_its_own_range() -> None:
    histogram = Histogram()
    histogram.add(torch.tensor([0.0, 0.0, 3.0]))
    assert histogram.best_range() == 3.0


def test_infinity_counts_as_the_largest_number() -> None:
    histogram = Histogram()
    histogram.add(torch.tensor([1.0, float("inf")]))
    assert np.isfinite(histogram.best_range())
