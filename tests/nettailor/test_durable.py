import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nettailor.durable import create_durably, write_durably


def test_a_file_is_written_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_durably(path, [b"one", b"two"])
    assert path.read_bytes() == b"onetwo"
    write_durably(path, [b"new"])
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_a_fault_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("source broke")

    path = tmp_path / "file"
    write_durably(path, [b"old"])
    with pytest.raises(ValueError, match="source broke"):
        write_durably(path, chunks())
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_of_many_creators_exactly_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    won: list[bytes] = []

    def create(content: bytes) -> None:
        if create_durably(path, content):
            won.append(content)

    threads = [threading.Thread(target=create, args=(bytes([index]) * 1000,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [path.read_bytes()]
    assert [p.name for p in path.parent.iterdir()] == ["file"]
