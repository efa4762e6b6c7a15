"""How many connections each address has, over several processes, in memory that all of them map.

    random bytes | a count for each place, of process 0 | the same of process 1 | ...

A process writes its own counts alone, and clears them as it begins: those of one that was killed end with its
successor's beginning. An address's place is its hash; two of one place count as one, which so many places make rare,
and the random bytes keep anybody from choosing.
"""

import os
from hashlib import blake2b

from hosting.processes.shared_memory import mapped, new_file

_KEY_BYTES = 16
_PLACES = 2**16
_COUNT_BYTES = 4
_COLUMN_BYTES = _PLACES * _COUNT_BYTES


def new_addresses(processes: int) -> int:
    """A descriptor of a file for `SharedAddresses`."""
    descriptor = new_file("nettailor-addresses", _KEY_BYTES + processes * _COLUMN_BYTES)
    os.pwrite(descriptor, os.urandom(_KEY_BYTES), 0)
    return descriptor


class SharedAddresses:
    """As `census.Addresses`; `own` is the number of this process, from 0."""

    def __init__(self, descriptor: int, *, own: int) -> None:
        memory = memoryview(mapped(descriptor))
        self._key = bytes(memory[:_KEY_BYTES])
        self._counts = memory[_KEY_BYTES:].cast("I")
        self._own = own * _PLACES
        self._counts[self._own : self._own + _PLACES] = memoryview(bytes(_COLUMN_BYTES)).cast("I")

    def add(self, home: str) -> int:
        """Counted here before all are added up: of two processes at once, at least one sees the other's."""
        place = self._place(home)
        self._counts[self._own + place] += 1
        return sum(self._counts[place::_PLACES])

    def remove(self, home: str) -> None:
        self._counts[self._own + self._place(home)] -= 1

    def _place(self, home: str) -> int:
        return int.from_bytes(blake2b(home.encode(), digest_size=8, key=self._key).digest(), "little") % _PLACES
