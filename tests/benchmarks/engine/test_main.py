import pytest

from benchmarks.engine.__main__ import ratios

_SIDES = {"mixed": 20.0, "full models": 4.0, "single": 20.0, "mixed, frozen statistics": 20.0, "int8": 30.0}
_SMALL = {f"{name}, batches of {batch}": 1.0 for name in ("int8", "float32") for batch in (1, 4)}


@pytest.mark.parametrize(("others", "expected"), [({}, 1.5), ({"float32": 10.0}, 3.0)])
def test_int8_is_compared_with_float32_whatever_the_mixed_batch_runs_in(
    others: dict[str, float], expected: float
) -> None:
    values = {name: [rate] * 5 for name, rate in (_SIDES | _SMALL | others).items()}
    assert ratios(values)["int8_vs_fp32"].median == pytest.approx(expected)
