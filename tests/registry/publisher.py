"""A process that publishes and promotes until it is killed, and says what was acknowledged.

python -m tests.registry.publisher BLOBS REDIS_URL FIRST_SEED
"""

import itertools
import sys

from registry.blobs import Blobs
from registry.registry import Registry
from registry.wiring import connect
from tests.bundles import tiny_bytes


def main() -> None:
    blobs, url, first = sys.argv[1:]
    registry = Registry(Blobs(blobs), connect(url))
    for seed in itertools.count(int(first)):
        record = registry.publish("signs", tiny_bytes(seed=seed), actor="publisher")
        sys.stdout.write(f"{record.version} {record.digest}\n")
        sys.stdout.flush()
        registry.promote("signs", "live", record.version, actor="publisher", reason="")


if __name__ == "__main__":
    main()
