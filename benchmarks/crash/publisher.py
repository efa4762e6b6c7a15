"""The publisher that is killed: a process that uses the registry's library, as a training job does.

    python -m benchmarks.crash.publisher BLOBS REDIS_URL

An operation a line on standard input, its outcome a line on standard output once the registry has acknowledged it.
"""

import contextlib
import sys

from benchmarks.crash.operations import by_library, outcome_json, parse_operation
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect

READY = "ready"


def main() -> None:
    blobs, url = sys.argv[1:]
    with contextlib.closing(connect(url)) as client:
        registry = Registry(Blobs(blobs), client)
        registry.reconcile()  # as every service does at its start
        print(READY, flush=True)
        for line in sys.stdin:
            print(outcome_json(by_library(registry, parse_operation(line))), flush=True)


if __name__ == "__main__":
    main()
