"""Importing what a process then keeps."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_imports() -> Iterator[None]:
    """Import within it what is large, before there is anything else: the collector neither looks for garbage meanwhile
    nor ever at what is there by its end.

    torch and the services are three hundred thousand objects, none of which is garbage. Looking for some takes a fifth
    of the time in which they are imported.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
