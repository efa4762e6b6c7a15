"""How far a batch is, on a terminal and without one."""

import io

from rich.console import Console

from cli.batch.bar import BatchBar


def test_without_a_terminal_a_line_is_printed_every_ten_seconds() -> None:
    now, written = 0.0, io.StringIO()
    with BatchBar(2000, 1000, Console(file=written, width=100), clock=lambda: now) as bar:
        bar.wait()
        for number in range(1, 301):
            now = number / 10
            bar.advance(failed=number % 100 == 0)
        assert bar.per_second == 10.0
    assert written.getvalue().splitlines() == [
        "predicted 1,100 of 2,000 images, 10.0 images/s, 1 failed",
        "predicted 1,200 of 2,000 images, 10.0 images/s, 2 failed",
        "predicted 1,300 of 2,000 images, 10.0 images/s, 3 failed",
    ]


def test_without_a_terminal_a_service_that_is_waited_for_is_told_now_and_then() -> None:
    now, written = 0.0, io.StringIO()
    with BatchBar(2, 0, Console(file=written, width=100), clock=lambda: now) as bar:
        for now in (5.0, 11.0, 15.0, 22.0):  # noqa: B007  # the clock reads it
            bar.wait()
    assert written.getvalue().splitlines() == ["waiting for the service"] * 2


def test_a_terminal_shows_a_bar() -> None:
    written = io.StringIO()
    with BatchBar(4, 1, Console(file=written, width=120, force_terminal=True)) as bar:
        bar.advance(failed=False)
        bar.wait()
    assert "2/4" in written.getvalue()
    assert "images/s" in written.getvalue()
    assert "waiting for the service" in written.getvalue()
