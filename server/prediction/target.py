"""What a request names: a task, and which of its versions (torch-free)."""

from dataclasses import dataclass

from registry.registry import LIVE
from registry.versions.aliases import is_number


@dataclass(frozen=True, kw_only=True)
class Target:
    """Whose answer a request wants: a task's version, or what an alias names."""

    task: str
    alias: str = LIVE
    version: int | None = None


def parse_target(name: str) -> Target:
    """`task`, `task@alias`, or `task@2` for a version: no alias is a number."""
    task, at, alias = name.strip().partition("@")
    if is_number(alias):
        return Target(task=task, version=int(alias))
    return Target(task=task, alias=alias if at else LIVE)
