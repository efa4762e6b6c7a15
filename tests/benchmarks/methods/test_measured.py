from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.methods.measured import Measured, bundle_file, decathlon_score
from benchmarks.tailor import linked_chain
from nettailor.bundle.bundle import digest_of
from tests.benchmarks.rows import row
from tests.chains import link_bytes

SHARES = st.floats(0, 1)


def test_the_baseline_scores_250_a_set_and_twice_its_error_nothing() -> None:
    baseline = {"birds": 0.9, "digits": 0.8}
    assert decathlon_score(baseline, baseline) == pytest.approx(500)
    assert decathlon_score({"birds": 0.8, "digits": 0.6}, baseline) == pytest.approx(0)
    assert decathlon_score({"birds": 1.0}, baseline) == pytest.approx(1000)


def test_a_baseline_without_error_is_matched_or_not() -> None:
    assert decathlon_score({"digits": 1.0}, {"digits": 1.0}) == 250
    assert decathlon_score({"digits": 0.99}, {"digits": 1.0}) == 0


@given(baseline=SHARES, one=SHARES, other=SHARES)
def test_more_right_answers_never_score_less(baseline: float, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert decathlon_score({"a": less}, {"a": baseline}) <= decathlon_score({"a": more}, {"a": baseline})


def test_a_bundle_is_measured_with_all_that_it_stands_on(tmp_path: Path) -> None:
    first = link_bytes("birds")
    second = link_bytes("dogs", after=digest_of(first), place=1)
    for task, data in (("birds", first), ("dogs", second)):
        path = bundle_file(tmp_path, task, 0)
        path.parent.mkdir()
        path.write_bytes(data)
    assert [link.manifest.task for link in linked_chain([first, second])] == ["birds", "dogs"]
    assert linked_chain([]) == ()
    found = Measured.of(row("dogs", 0), tmp_path)
    assert [link.manifest.task for link in found.bundle.chain] == ["birds"]
    assert found.task_bytes == len(second)
