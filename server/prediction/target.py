"""Whose answer a request wants (torch-free)."""

from dataclasses import dataclass

from registry.registry import LIVE


@dataclass(frozen=True, kw_only=True)
class Target:
    """A task's version, or what an alias names."""

    task: str
    alias: str = LIVE
    version: int | None = None


def parse_target(name: str) -> Target:
    """`task` or `task@alias`."""
    task, at, alias = name.strip().partition("@")
    return Target(task=task, alias=alias if at else LIVE)
