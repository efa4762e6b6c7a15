"""The policy of a task: what a version must show before the alias `live` may name it, and whether int8 may serve it."""

import sys
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Nothing is required where a field is None. Raises `ValueError` for a field out of its range."""

    min_accuracy: float | None = None  # share of test images, 0..1
    max_drop: float | None = None  # below the live version on the same test split, share of its images, 0..1
    max_macs: float | None = None  # stem, kept blocks and what the task adds, share of the whole backbone's MACs
    allow_int8: bool = True
    max_int8_drop: float | None = None  # measured loss of accuracy by int8, above which fp32 serves; share of images

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool):
                continue
            highest = sys.float_info.max if field.name == "max_macs" else 1.0  # a task may add more than it saves
            if value is not None and not 0 <= value <= highest:
                raise ValueError(f"{field.name}: {value}")

    def over(self, default: "Policy | None") -> "Policy":
        """This policy; one that speaks of int8 alone leaves the rest to the default."""
        speaks_of_int8 = not self.allow_int8 or self.max_int8_drop is not None
        if default is None or not speaks_of_int8 or self != Policy(**self._of_int8):
            return self
        return replace(default, **self._of_int8)

    @property
    def _of_int8(self) -> dict[str, Any]:
        return {"allow_int8": self.allow_int8, "max_int8_drop": self.max_int8_drop}
