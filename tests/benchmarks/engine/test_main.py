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


def test_this_engine_alone_is_compared_in_both_types_and_with_nobody_else() -> None:
    rates = {name: [2.0 if name.startswith("int8") else 1.0] * 3 for name in ("mixed", "int8")}
    for batch in (1, 4):
        rates |= {f"{name}, batches of {batch}": [speed] * 3 for name, speed in (("int8", 3.0), ("float32", 1.0))}
    found = {key: ratio.median for key, ratio in ratios(rates).items()}
    assert found == {"int8_vs_fp32": 2.0, "int8_batch1_vs_fp32": 3.0, "int8_batch4_vs_fp32": 3.0}
