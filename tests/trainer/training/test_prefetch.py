import threading
from collections.abc import Iterator

import pytest

from trainer.training.prefetch import prefetched


class Broken(Exception):
    pass


def test_order_and_end_are_kept() -> None:
    assert list(prefetched(iter(range(50)))) == list(range(50))
    assert list(prefetched([])) == []


def test_an_error_comes_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise Broken

    got = prefetched(items())
    assert next(got) == 1
    with pytest.raises(Broken):
        next(got)


def test_whoever_stops_early_stops_the_thread() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    got = prefetched(items())
    assert next(got) == 0
    got.close()  # type: ignore[attr-defined]  # a generator
    assert len(made) < 10
    assert not [t for t in threading.enumerate() if t.name == "prefetch"]
