"""The tags and the note of a version, which people may change after it was published."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.errors import NameInvalid, TagInvalid, TagsTooMany
from registry.journal.index import TaskState
from registry.journal.records import VersionAnnotated, VersionRecord

_NAME_CHARACTERS = 63
TAG_NAME = rf"[a-z0-9][a-z0-9._-]{{0,{_NAME_CHARACTERS - 1}}}"
TAG_LIMIT = 64  # of one version
TAG_CHARACTERS = 256  # of one text


@dataclass(frozen=True, kw_only=True)
class Annotation:
    tags: Mapping[str, str] = field(default_factory=dict)  # name -> short text
    note: str = ""

    def has(self, name: str, text: str | None) -> bool:
        """Whether there is a tag of that name, and with that text unless `text` is None."""
        return name in self.tags and text in (None, self.tags[name])


def annotation_of(record: VersionRecord, annotated: VersionAnnotated | None) -> Annotation:
    """The tags and the note of a version now. Until it is annotated it has the note that it was published with."""
    if annotated is None:
        return Annotation(note=record.note)
    return Annotation(tags=annotated.tags, note=annotated.note)


def version_annotated(
    state: TaskState, version: int, before: Annotation, after: Annotation, *, actor: str, at: str
) -> VersionAnnotated:
    """The record that changes a version's annotation; it gets no new number if nothing changes."""
    return VersionAnnotated(
        task=state.task,
        sequence=state.sequence + (before != after),
        at=at,
        actor=actor,
        version=version,
        tags=dict(after.tags),
        note=after.note,
    )


def changed_tags(task: str, version: int, tags: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """The tags after a change; None removes one. Raises `NameInvalid`, `TagInvalid`, `TagsTooMany`."""
    for name, text in changes.items():
        if not re.fullmatch(TAG_NAME, name):
            raise NameInvalid("a tag", name, _NAME_CHARACTERS)
        if text is not None and len(text) > TAG_CHARACTERS:
            raise TagInvalid(task, version, name, TAG_CHARACTERS)
    after = {name: text for name, text in {**tags, **changes}.items() if text is not None}
    if len(after) > TAG_LIMIT:
        raise TagsTooMany(task, version, TAG_LIMIT)
    return after
