"""Python's garbage collector in a long-lived process."""

import gc

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
