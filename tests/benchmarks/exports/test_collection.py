"""That every archive of `benchmarks.exports` is read right, or refused with the reason."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.exports.__main__ import GOAL
from benchmarks.exports.collection import MAKERS, all_exports
from benchmarks.exports.export import Export
from benchmarks.exports.judging import judge

LEAST = 120  # archives


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__module__.rpartition(".")[2])
def test_no_archive_is_silently_misread(tmp_path: Path, make: Callable[[], Iterator[Export]]) -> None:
    wrong = {}
    for number, export in enumerate(make()):
        (folder := tmp_path / str(number)).mkdir()
        found = judge(export, folder)
        if found.verdict == "silently_wrong":
            wrong[export.name] = found.why
    assert wrong == {}


def test_the_archives_are_many_of_different_names_and_mostly_to_be_read() -> None:
    found = list(all_exports())
    assert len(found) >= LEAST
    assert [name for name, count in Counter(export.name for export in found).items() if count > 1] == []
    assert sum(not export.refusal for export in found) >= GOAL * len(found)
    assert [export.name for export in all_exports(["coco/one"])] == [
        name for export in found if (name := export.name).startswith("coco/one")
    ]
