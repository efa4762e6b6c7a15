import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nettailor.images.value_range import FULL, Span, common_range, own_range, to_bytes


@pytest.mark.parametrize(
    ("span", "found"),
    [
        ((0, 0), (0, 255)),
        ((0, 255), (0, 255)),
        ((3, 256), (0, 1023)),
        ((0, 4000), (0, 4095)),
        ((0, 4096), (0, 16383)),
        ((0, 16384), FULL),
        ((0, 70_000), FULL),
        ((-1, 3), (-128, 127)),
        ((-1024, 3071), (-8192, 8191)),
        ((-40_000, 5), (-32768, 32767)),
    ],
)
def test_one_image_is_scaled_by_the_fewest_bits_that_hold_it(span: Span, found: Span) -> None:
    assert own_range(span) == found


@pytest.mark.parametrize(
    ("spans", "found"),
    [
        ([(0, 900), (5, 3900), (0, 200)], (0, 4095)),
        ([(0, 65_000), (0, 80)], FULL),
        ([(0, 200)] * 3, (0, 255)),
        ([(29_000, 31_000), (28_500, 30_000)], (28_500, 31_000)),  # hundredths of a kelvin
        ([(-1000, 2000), (-900, 3000)], (-1000, 3000)),  # Hounsfield units
        ([(0, 100_000), (20, 90_000)], (0, 100_000)),
        ([(7, 7)], (0, 255)),
        ([(0, 4000)] * 39 + [(0, 65_535)], (0, 4095)),  # one image in forty is not what the others are
    ],
)
def test_a_data_set_has_one_range(spans: list[Span], found: Span) -> None:
    assert common_range(spans) == found


@given(st.integers(-(2**31), 2**31), st.integers(1, 2**31), st.integers(-(2**32), 2**32))
def test_scaling_is_what_the_formula_says(low: int, width: int, value: int) -> None:
    expected = min(max(value, low), low + width)
    [[found]] = to_bytes(np.array([[value]]), (low, low + width))
    assert found == (expected - low) * 256 // (width + 1)


def test_sixteen_bits_give_their_upper_byte_whatever_the_size() -> None:
    values = np.random.default_rng(0).integers(0, 65536, (600, 5, 3)).astype(np.uint16)
    np.testing.assert_array_equal(to_bytes(values, FULL), values >> 8)
