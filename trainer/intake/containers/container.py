"""Files that hold images: shards and archives inside the upload.

What a container holds is read as if it lay in a folder beside the container, named like it without the suffix, so that
the layouts know nothing of containers. A container whose images have labels in it yields a document that says so:
the usual table of labels (`trainer.intake.layouts.tables`) or whatever its layout reads.

To add one, write a module with a class that satisfies `Container` and name it in `registry.CONTAINERS`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from trainer.intake.archives.archive import Member
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.findings import Finding
from trainer.intake.upload import Document


class Container(Protocol):
    @property
    def name(self) -> str:
        """As the report and the documentation call it."""

    @property
    def seen_from(self) -> str:
        """Tools and versions whose files it was built from."""

    @property
    def reads(self) -> str:
        """What is read, in one sentence."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """How the names of such files end, in lower case."""

    def recognise(self, document: Document) -> bool:
        """By its first bytes, or its directory: whether `expand` is worth a try. Other files are documents."""

    def expand(self, document: Document, limits: IntakeLimits) -> Iterator[Member | Finding]:
        """The files in it, one at a time, so that memory does not grow with their number, and what is odd about it.

        The caller counts files and bytes against the limits. Raises ArchiveInvalid; what makes the upload of no use
        without being damaged is a finding that is an error.
        """


@dataclass(frozen=True, kw_only=True)
class Content:
    """A file that a container made up: the source of a `Member`."""

    name: str
    data: bytes
    is_folder: bool = False

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def read(self) -> bytes:
        return self.data

    def chunks(self) -> Iterator[bytes]:
        yield self.data
