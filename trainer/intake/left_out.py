"""What was left out of an upload, grouped by reason."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from trainer.intake.scanning.scan import Skipped

# What differs from file to file in reasons of one kind: the place in a table, another file, names of classes, names and
# values in quotes, numbers.
_PLACE = re.compile(r"^[a-z]+ \d+: ")
_PARTICULAR = re.compile(
    r"(?<=\()[^()]+ of (?:'[^']*'|\"[^\"]*\")(?=\)$)"
    r"|(?<=^a duplicate of ).+|(?<=in several classes )\(.*\)|'[^']*'|\"[^\"]*\"|\d+"
)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """``count`` files, or lines of documents, with one reason; ``files`` are their paths, each once."""

    reason: str
    count: int
    files: tuple[str, ...]


def by_reason(skipped: Iterable[Skipped]) -> list[LeftOut]:
    """The most frequent reason first. Reasons that differ only in names and numbers are one, which is written with an
    ellipsis in their place."""
    kinds: dict[str, list[Skipped]] = defaultdict(list)
    for skip in skipped:
        kinds[_PARTICULAR.sub("…", _PLACE.sub("", skip.reason))].append(skip)
    groups = [_group(kind, members) for kind, members in kinds.items()]
    return sorted(groups, key=lambda group: (-group.count, group.reason))


def _group(kind: str, members: list[Skipped]) -> LeftOut:
    reasons = {skip.reason for skip in members}
    return LeftOut(
        reason=reasons.pop() if len(reasons) == 1 else kind,
        count=len(members),
        files=tuple(dict.fromkeys(skip.file for skip in members)),
    )
