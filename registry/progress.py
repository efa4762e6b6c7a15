"""A callback for the progress of a long operation."""

from collections.abc import Callable

Progress = Callable[[int, int], None]  # called after each item with how many are done and how many there are


def silent(done: int, total: int) -> None:
    """Reports nothing."""
