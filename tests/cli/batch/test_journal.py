"""The journal of a batch: whatever is left of it is read as what it is, and nothing else."""

import errno
import os
from pathlib import Path

import pytest

from cli.batch.entry import Answer, Entry, Label
from cli.batch.journal import Asked, Journal
from cli.errors import CannotWrite, NoJournal, ResultsInUse

_ASKED = Asked(folder="/images", tasks=("signs", "birds@next"), version=None, top_k=1, pinned=True)


def _entry(path: str, version: int = 3) -> Entry:
    answers = tuple(
        Answer(task=task, version=version, labels=(Label("a,\n\"b'", 1, 0.1234567890123),)) for task in _ASKED.tasks
    )
    return Entry(path=path, answers=answers)


_ENTRIES = [_entry("a.png"), Entry(path="caf\udce9\n.jpg", error="no image"), _entry("sub/b.png", version=4)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Journal(tmp_path / "new" / "r.csv.journal") as journal:
        journal.begin(_ASKED)
        for entry in _ENTRIES:
            journal.append(entry)
        return journal.path


def test_what_was_added_is_there_again(path: Path) -> None:
    with Journal(path) as journal:
        assert journal.asked == _ASKED.document()
        assert list(journal.entries()) == _ENTRIES
        assert journal.tally.paths == {entry.path for entry in _ENTRIES}
        assert (journal.tally.failed, journal.tally.versions) == (1, {"signs": 3, "birds@next": 3})


def test_every_image_whose_line_is_whole_counts_and_no_other(path: Path) -> None:
    whole = path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        with Journal(path) as journal:
            lines = sum(end <= size for end in ends)
            assert len(journal.tally.paths) == max(0, lines - 1)
            if not lines:
                journal.begin(_ASKED)
            for entry in _ENTRIES[len(journal.tally.paths) :]:
                journal.append(entry)
            assert list(journal.entries()) == _ENTRIES
        assert path.read_bytes() == whole


def test_lines_of_zeros_that_a_power_cut_leaves_do_not_count(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(100) + b"\n" + _entry("later.png").line())
    with Journal(path) as journal:
        assert len(journal.tally.paths) == 3
        journal.append(_entry("again.png"))
    assert path.read_bytes() == whole + _entry("again.png").line()


def test_the_digest_of_the_results_stays_until_more_is_added(path: Path) -> None:
    with Journal(path) as journal:
        journal.seal("abc")
    for _ in range(2):
        with Journal(path) as journal:
            assert journal.digest == "abc"
            assert list(journal.entries()) == _ENTRIES
    with Journal(path) as journal:
        journal.append(_entry("more.png"))
    with Journal(path) as journal:
        assert (journal.digest, len(journal.tally.paths)) == (None, 4)


def test_one_process_has_it_at_a_time(path: Path) -> None:
    with Journal(path), pytest.raises(ResultsInUse), Journal(path):
        pass
    with Journal(path) as journal:
        assert journal.tally.paths


def test_a_file_of_others_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.csv.journal"
    path.write_text("dear diary\n")
    with pytest.raises(NoJournal, match="another --out"), Journal(path):
        pass
    assert path.read_text() == "dear diary\n"


def test_without_an_image_nothing_is_left(tmp_path: Path) -> None:
    with Journal(tmp_path / "r.csv.journal") as journal:
        journal.begin(_ASKED)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_costs_the_image_that_found_it_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite

    def half(file: int, data: bytes, at: int) -> int:
        if len(data) < 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data[: len(data) // 2], at)

    monkeypatch.setattr(os, "pwrite", half)
    with Journal(path) as journal, pytest.raises(CannotWrite, match="No space left"):
        journal.append(_entry("c.png"))
    monkeypatch.undo()
    with Journal(path) as journal:
        assert list(journal.entries()) == _ENTRIES


def test_it_is_on_the_disk_within_a_second(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, synced = 0.0, list[float]()
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(now))
    with Journal(path, clock=lambda: now) as journal:
        for number in range(30):
            now = number / 10
            journal.append(_entry(f"{number}.png"))
    assert synced == [1.0, 2.0]
