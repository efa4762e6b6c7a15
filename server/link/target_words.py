"""Targets as the link has them (torch-free)."""

from collections.abc import Sequence
from typing import Any

from server.prediction.target import Target


def target_words(target: Target) -> list[Any]:
    return [target.task, target.alias, target.version]


def target_of(words: Sequence[Any]) -> Target:
    task, alias, version = words
    return Target(task=task, alias=alias, version=version)
