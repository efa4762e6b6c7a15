"""How much time is left, and what was left out for want of it or of a package."""

import sys
import time


class Deadline:
    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self.left_out: list[str] = []

    @property
    def left_s(self) -> float:
        return self._ends_at - time.monotonic()

    def is_near(self, what: str, wanted_s: float) -> bool:
        """Whether there is less time than `what` wants, which is then left out."""
        if self.left_s >= wanted_s:
            return False
        self.leave_out(what, "no time left")
        return True

    def leave_out(self, what: str, why: object) -> None:
        self.left_out.append(f"{what}: {why}")
        print(f"left out: {what}: {why}", file=sys.stderr)
