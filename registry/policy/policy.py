"""The policy of a task: what a version must show before the alias `live` may name it."""

import sys
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Nothing is required where a field is None. Raises `ValueError` for a field out of its range."""

    min_accuracy: float | None = None  # share of test images, 0..1
    max_drop: float | None = None  # below the live version on the same test split, share of its images, 0..1
    max_macs: float | None = None  # stem, kept blocks and what the task adds, share of the whole backbone's MACs

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            highest = sys.float_info.max if field.name == "max_macs" else 1.0  # a task may add more than it saves
            if value is not None and not 0 <= value <= highest:
                raise ValueError(f"{field.name}: {value}")
