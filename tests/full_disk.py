"""A full disk, wherever a test runs: the one place that writes files durably cannot write."""

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import NoReturn

import pytest


@contextlib.contextmanager
def full_disk(number: int = errno.ENOSPC) -> Iterator[None]:
    """Meanwhile nothing of this process is written, for want of room."""

    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number), "/a/secret/path")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nettailor.durable._fill", refuse)
        yield
