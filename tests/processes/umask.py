"""The umask of a process that would let everybody read and write what it makes."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def sharing() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)
