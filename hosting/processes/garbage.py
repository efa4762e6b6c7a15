"""Python's garbage collector in a long-lived process."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 10_000  # objects made and not yet freed, after which the collector looks at these; 700 by default


def collect_rarely() -> None:
    """Have the collector pass over everything that exists by now; call it once, when a service is about to answer.

    Modules and networks are a quarter of a million objects that stay until the process ends. Requests that wait for
    their answers look to the collector like garbage in the making, so it went through all of them every few hundred
    requests, for 150 ms in which nothing else ran (docs/log.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)


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
