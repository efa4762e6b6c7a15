"""Zip and tar archives inside the upload: one a class, one a split, or all in one."""

from collections.abc import Iterator

from trainer.intake.archives.archive import Member, members_of
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.upload import Document


class NestedArchives:
    name = "archive inside the archive"
    seen_from = "a zip a class or a split, made by hand; data sets of Hugging Face with `train.zip`"
    reads = "zip and tar archives of any accepted kind, one level deep, as if they were folders of their names"
    suffixes = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tm")

    def recognise(self, document: Document) -> bool:
        return True  # by its name; one that is none is refused when it is read

    def expand(self, document: Document, limits: IntakeLimits) -> Iterator[Member]:
        yield from members_of(document.file(), limits)
