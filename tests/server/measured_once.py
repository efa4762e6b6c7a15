"""What batches cost is measured once a process."""

import contextlib
from collections.abc import Hashable, Iterator
from unittest.mock import patch

from server.engine.batch_cost import BatchCost
from server.engine.engine import Engine

_KNOWN: dict[Hashable, BatchCost | None] = {}


@contextlib.contextmanager
def measured_once() -> Iterator[None]:
    """Engines herein take what the first of their kind has measured, which costs about a second of processor time: more
    than all else that a test does with a server of its own."""
    measure = Engine._measured

    def known(engine: Engine, side: int) -> BatchCost | None:
        device = engine.device
        kind = (engine.fingerprint, side, engine._measured_rows, device.dtype, device.int8, device.lanes.count)
        if kind not in _KNOWN:
            _KNOWN[kind] = measure(engine, side)
        return _KNOWN[kind]

    with patch.object(Engine, "_measured", known):
        yield
