"""Which parts of a pool are taken (torch-free)."""

from bisect import bisect_left

PAGE_BYTES = 4096  # what the kernel gives and takes back at a time; slots begin and end with one


class Slots:
    """Places of any size in a space of fixed size, the lowest one first, so that what was never needed is never
    touched. Not thread-safe."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes - size_bytes % PAGE_BYTES
        self._free: list[tuple[int, int]] = [(0, self.size_bytes)]  # begin and end of every gap, in order
        self._taken: dict[int, int] = {}  # end by begin
        self.highest = 0  # end of the highest slot since the space was empty

    @property
    def is_empty(self) -> bool:
        return not self._taken

    def take(self, size_bytes: int) -> int | None:
        """Where a slot of at least one byte begins; None while no gap is that large."""
        size = -(-max(1, size_bytes) // PAGE_BYTES) * PAGE_BYTES
        for index, (begin, end) in enumerate(self._free):
            if end - begin >= size:
                taken_end = begin + size
                self._free[index : index + 1] = [(taken_end, end)] if taken_end < end else []
                self._taken[begin] = taken_end
                self.highest = max(self.highest, taken_end)
                return begin
        return None

    def give_back(self, begin: int) -> None:
        """Raises `KeyError` where no slot begins."""
        end = self._taken.pop(begin)
        index = bisect_left(self._free, (begin, end))
        after = index < len(self._free) and self._free[index][0] == end
        if after:
            end = self._free.pop(index)[1]
        if index and self._free[index - 1][1] == begin:
            begin = self._free[index - 1][0]
            index -= 1
            self._free[index] = (begin, end)
        else:
            self._free.insert(index, (begin, end))
