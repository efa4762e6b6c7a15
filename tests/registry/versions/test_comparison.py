"""Versions side by side, on the same test images."""

import pytest

from registry.errors import AnswersMissing, ComparisonInvalid, DatasetsDiffer, TaskUnknown, VersionUnknown
from registry.registry import Registry
from registry.versions.comparison import MOST_VERSIONS
from registry.versions.evaluation import evaluation_of
from registry.versions.paired_bootstrap import accuracy_interval, paired_difference
from tests.registry.published import publish, publish_evaluated

_FIRST = [True] * 14 + [False] * 6
_OTHER = [False] * 2 + [True] * 15 + [False] * 3


def test_each_is_compared_with_the_first_that_was_named(registry: Registry) -> None:
    publish_evaluated(registry, _FIRST, _OTHER)
    one, two = (evaluation_of(registry.version_record("signs", v), registry.blobs).right for v in (1, 2))
    found = registry.compare("signs", [1, 2])
    first, other = found.versions
    assert (found.task, found.images, found.dataset) == ("signs", 20, first.record.manifest.dataset)
    assert (first.record.version, first.accuracy, first.difference) == (1, 0.7, None)
    assert (other.record.version, other.accuracy, other.difference) == (2, 0.75, paired_difference(one, two))
    assert (first.interval, other.interval) == (accuracy_interval(one), accuracy_interval(two))
    assert (first.milliseconds, other.milliseconds, other.measured_on) == (1.0, 2.0, "CPU, 2 threads")
    back = registry.compare("signs", [2, 1])
    assert [version.record.version for version in back.versions] == [2, 1]
    assert back.versions[1].difference == paired_difference(two, one)


def test_versions_that_answer_alike_have_a_difference_of_nothing(registry: Registry) -> None:
    publish_evaluated(registry, _FIRST, _FIRST)
    difference = registry.compare("signs", [1, 2]).versions[1].difference
    assert difference is not None
    assert (difference.accuracy, difference.gained, difference.lost) == (0, 0, 0)


@pytest.mark.parametrize(
    ("versions", "reason"),
    [
        ([], "0 named"),
        ([1], "1 named"),
        (list(range(1, MOST_VERSIONS + 2)), f"{MOST_VERSIONS + 1} named"),
        ([1, 2, 1], "more than once"),
    ],
    ids=["none", "one", "many", "twice"],
)
def test_how_many_can_be_compared(registry: Registry, versions: list[int], reason: str) -> None:
    publish_evaluated(registry, _FIRST, _OTHER)
    with pytest.raises(ComparisonInvalid, match=reason):
        registry.compare("signs", versions)


def test_what_cannot_be_compared_is_named(registry: Registry) -> None:
    publish_evaluated(registry, _FIRST, _OTHER)
    publish_evaluated(registry, _FIRST, dataset="birds")
    publish(registry, 0.9)
    publish_evaluated(registry, _FIRST[:-1])
    with pytest.raises(DatasetsDiffer, match="version 3 was tested on") as differ:
        registry.compare("signs", [1, 2, 3])
    assert differ.value.version == 3
    with pytest.raises(AnswersMissing, match=r"version 4 .*published as a file") as missing:
        registry.compare("signs", [1, 4])
    assert missing.value.version == 4
    with pytest.raises(AnswersMissing, match="19 answers, and 20 of version 1"):
        registry.compare("signs", [1, 5])
    with pytest.raises(VersionUnknown):
        registry.compare("signs", [1, 9])
    with pytest.raises(TaskUnknown):
        registry.compare("birds", [1, 2])
