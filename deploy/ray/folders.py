"""A folder for each of several replicas on one machine, found again by whoever comes after (knows no Ray)."""

import contextlib
import fcntl
import itertools
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def own_folder(parent: Path) -> Iterator[Path]:
    """The first of `parent/replica-0`, `parent/replica-1`, ... that no living process has.

    A disk tier has one owner. Numbers rather than replica ids, so that a replica that died leaves its files to the
    next one, not to nobody.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count():
        descriptor = os.open(parent / f"replica-{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # goes with the process, however it ends
        except BlockingIOError:
            os.close(descriptor)
            continue
        try:
            yield parent / f"replica-{number}"
        finally:
            os.close(descriptor)
        return
