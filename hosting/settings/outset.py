"""How a process of ours begins, with its settings, and ends, with a line, if it cannot go on."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TypeVar

import redis

from hosting.errors import HostingError, SettingsInvalid
from hosting.settings.settings import Settings

S = TypeVar("S", bound=Settings)


def settings_of(kind: type[S]) -> S:
    """The settings of a service; told in one line on standard error if they are none. Raises `SystemExit`."""
    try:
        return kind()
    except SettingsInvalid as error:
        sys.exit(f"error: {error}")


@contextlib.contextmanager
def ending_in_a_line(*kinds: type[Exception]) -> Iterator[None]:
    """A service that cannot go on for an error of these kinds, of Redis or of ours, says why in one line on standard
    error. Raises `SystemExit`."""
    ours: tuple[type[Exception], ...] = (HostingError, *kinds)
    try:
        yield
    except ours as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
    except redis.RedisError as error:
        sys.exit(f"error: Redis: {' '.join(str(error).split())}")
