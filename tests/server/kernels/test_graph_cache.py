import pytest
import torch
from torch import Tensor

from server.kernels.graph_cache import BUCKETS, GraphCache
from tests.server.kernels.fake_graphs import FakeRecorder, refuse


def doubled(x: Tensor, offset: Tensor) -> Tensor:
    return 2 * x + offset


def rows(count: int, width: int = 3) -> Tensor:
    return torch.arange(count * width, dtype=torch.float32).view(count, width)


@pytest.mark.parametrize(
    ("count", "bucket"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (33, 64), (64, 64), (65, None), (1000, None)]
)
def test_the_smallest_bucket_that_holds_the_rows(count: int, bucket: int | None) -> None:
    assert GraphCache(FakeRecorder()).bucket(count) == bucket


def test_every_size_gives_what_the_work_gives() -> None:
    recorder = FakeRecorder()
    cache = GraphCache(recorder)
    for count in [*range(1, 70), *range(69, 0, -1)]:
        for offset in (torch.tensor([1.0]), torch.tensor([-5.0])):
            found = cache.run("double", doubled, [rows(count)], [offset])
            assert torch.equal(found, doubled(rows(count), offset))
    assert sorted(recorder.recorded) == list(BUCKETS)


def test_rows_of_an_earlier_batch_are_left_in_the_padding_only() -> None:
    cache = GraphCache(FakeRecorder(), buckets=(4,))
    cache.run("double", doubled, [rows(4) + 100], [torch.zeros(1)])
    found = cache.run("double", doubled, [rows(2)], [torch.zeros(1)])
    assert torch.equal(found, 2 * rows(2))


def test_keys_and_shapes_have_recordings_of_their_own() -> None:
    recorder = FakeRecorder()
    cache = GraphCache(recorder, buckets=(2,))
    for key, width in [("a", 3), ("b", 3), ("a", 5), ("a", 3), ("b", 3), ("a", 5)]:
        assert torch.equal(cache.run(key, torch.neg, [rows(2, width)]), -rows(2, width))
    assert len(recorder.recorded) == 3


def test_the_key_that_was_not_used_for_longest_goes_first() -> None:
    recorder = FakeRecorder()
    cache = GraphCache(recorder, buckets=(1,), most_keys=2)
    for key in "abac":
        cache.run(key, torch.neg, [rows(1)])
    assert len(recorder.recorded) == 3
    cache.run("a", torch.neg, [rows(1)])
    assert len(recorder.recorded) == 3
    cache.run("b", torch.neg, [rows(1)])
    assert len(recorder.recorded) == 4


def test_what_was_cleared_is_recorded_anew() -> None:
    recorder = FakeRecorder()
    cache = GraphCache(recorder, buckets=(1,))
    for _ in range(2):
        cache.run("a", torch.neg, [rows(1)])
        cache.clear()
    assert recorder.recorded == [1, 1]


def test_what_cannot_be_recorded_runs_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    cache = GraphCache(refuse)
    for _ in range(3):
        assert torch.equal(cache.run("a", torch.neg, [rows(3)]), -rows(3))
    assert cache.bucket(3) is None
    assert len(caplog.records) == 1
