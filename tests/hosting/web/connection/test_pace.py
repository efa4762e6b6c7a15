from hosting.web.connection.pace import Pace


def _looks(*looks: tuple[float, object, float]) -> list[bool]:
    pace = Pace()
    return [pace.is_too_slow(now, what, moved, seconds=10, at_least=100) for now, what, moved in looks]


def test_who_moves_enough_in_every_window_is_never_too_slow() -> None:
    assert _looks((0, "a", 0), (9, "a", 0), (10, "a", 100), (19, "a", 100), (20, "a", 200)) == [False] * 5


def test_who_moves_less_is_too_slow_at_the_end_of_the_window() -> None:
    assert _looks((0, "a", 0), (9.9, "a", 0), (10, "a", 99)) == [False, False, True]


def test_a_burst_counts_for_its_own_window_only() -> None:
    assert _looks((0, "a", 0), (10, "a", 10_000), (20, "a", 10_000)) == [False, False, True]


def test_something_else_to_do_begins_anew() -> None:
    assert _looks((0, "a", 0), (9, "b", 0), (18, "b", 0), (19, "b", 0)) == [False, False, False, True]
