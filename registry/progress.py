"""How far a long operation has come, told to whoever watches."""

from collections.abc import Callable

Progress = Callable[[int, int], None]  # how many are done, how many there are; called after each


def silent(done: int, total: int) -> None:
    """For those who do not watch."""
