import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from server.engine.rows import cut
from server.kernels.thread_lanes import Lanes, ThreadLanes


def test_lanes_compute_with_their_own_threads_and_leave_everybody_elses_alone() -> None:
    before = torch.get_num_threads()
    lanes = ThreadLanes(3, threads=2)
    together = threading.Barrier(3)

    def piece(number: int) -> tuple[int, int]:
        together.wait(10)  # all three at once, or this breaks
        return number, torch.get_num_threads()

    assert lanes.map(piece, [1, 2, 3]) == [(1, 2), (2, 2), (3, 2)]
    assert torch.get_num_threads() == before
    found: list[int] = []
    later = threading.Thread(target=lambda: found.append(torch.ones(3).add(1).numel() and torch.get_num_threads()))
    later.start()
    later.join()
    assert found == [before]


def test_a_piece_alone_runs_in_the_caller() -> None:
    assert ThreadLanes(2).map(lambda _: threading.get_ident(), ["all"]) == [threading.get_ident()]


def test_what_a_lane_raises_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        ThreadLanes(2).map(lambda number: 1 / number, [1, 0])


def where(lanes: Lanes) -> tuple[str, int]:
    """In which thread, computing with how many, a batch is in a lane of its own."""
    assert lanes.fitting(100) == 1
    [found] = lanes.map(lambda _: (threading.current_thread().name.partition("_")[0], torch.get_num_threads()), ["all"])
    return found


def test_a_small_batch_that_is_alone_has_all_threads() -> None:
    lanes, caller = ThreadLanes(2, threads=1), (threading.current_thread().name, torch.get_num_threads())
    with lanes.one(7) as first:
        assert where(first) == caller
        with lanes.one(1) as second, lanes.one(100) as third:
            assert where(second) == where(third) == ("lane", 1)
    with lanes.one(8) as large:
        assert where(large) == ("lane", 1)
    with pytest.raises(ZeroDivisionError), lanes.one(100) as broken:
        broken.map(lambda number: 1 / number, [0])
    with lanes.one(1) as again:
        assert where(again) == caller


def test_with_one_lane_everything_runs_in_the_caller() -> None:
    lanes = ThreadLanes()
    with lanes.one(100) as first, lanes.one(100) as second:
        assert where(first)[0] == where(second)[0] == threading.current_thread().name


@pytest.mark.parametrize(("rows", "pieces"), [(1, 1), (7, 1), (8, 2), (100, 3)])
def test_small_batches_stay_whole(rows: int, pieces: int) -> None:
    assert ThreadLanes(3).fitting(rows) == pieces


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(1, 17)), min_size=1), st.data()
)
def test_a_cut_keeps_every_row_in_order_and_shares_the_weight(
    drawn: list[tuple[list[int], int]], data: st.DataObject
) -> None:
    members, weights = [images for images, _ in drawn], [weight for _, weight in drawn]
    pieces = data.draw(st.integers(1, 4))
    result = cut(members, weights, pieces)
    assert 1 <= len(result) <= pieces
    shares = [share for piece in result for share in piece]
    assert [share.member for share in shares] == sorted(share.member for share in shares)
    for member, images in enumerate(members):
        assert [image for share in shares if share.member == member for image in share.images] == images
    loads = [sum(len(share.images) * weights[share.member] for share in piece) for piece in result]
    ideal = sum(len(i) * w for i, w in zip(members, weights, strict=True)) / pieces
    assert max(loads) <= ideal + max(weights)
