import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.methods.measured import Measured, bundle_file, bundles_in, decathlon_score, measured_earlier
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


def test_a_bundle_is_read_with_all_that_it_stands_on(tmp_path: Path) -> None:
    first = link_bytes("birds")
    second = link_bytes("dogs", after=digest_of(first), place=1)
    for task, data in (("birds", first), ("dogs", second)):
        path = bundle_file(tmp_path, task, 0)
        path.parent.mkdir()
        path.write_bytes(data)
    assert [link.manifest.task for link in linked_chain([first, second])] == ["birds", "dogs"]
    assert linked_chain([]) == ()
    assert [len(bundle.chain) for bundle in bundles_in(tmp_path)] == [0, 1]
    found = Measured.of(row("dogs", 0), tmp_path)
    assert (found.method, found.task_bytes, found.minutes) == (tmp_path.name, len(second), 1.0)


def test_rows_of_an_earlier_run_are_taken_as_they_are(tmp_path: Path) -> None:
    one = Measured(method="dan", task="birds", seed=1, accuracy=0.5, params=10, macs=20, task_bytes=30, minutes=1.5)
    line = json.dumps({"rows": [asdict(one)], "preset": "fast", "backbone": "abc"})
    results = tmp_path / "results.md"
    results.write_text(f"# All methods\n\n    a table\n\n    {line}\n")
    assert measured_earlier([results], preset="fast", backbone="abc") == [one]
    for preset, backbone in (("balanced", "abc"), ("fast", "other")):
        with pytest.raises(SystemExit, match="another preset or backbone"):
            measured_earlier([results], preset=preset, backbone=backbone)
    results.write_text('{"mean_accuracy_gap_points": 0.1}')  # of another benchmark
    with pytest.raises(SystemExit, match="or none"):
        measured_earlier([results], preset="fast", backbone="abc")
    results.write_text("no such line")
    with pytest.raises(SystemExit, match="no line of JSON"):
        measured_earlier([results], preset="fast", backbone="abc")
