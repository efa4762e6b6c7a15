"""The interface of a layout: one way in which people, and the tools they use, say what each image is.

To add one, write a module with a class that satisfies `Layout` and name it in `registry.LAYOUTS`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding
from trainer.intake.placement import Placement
from trainer.intake.upload import Upload

# How sure `Layout.recognise` is. Of two layouts that are equally sure, the one named first in the registry is taken.
CERTAIN = 1.0  # a file that only this tool writes, in the form that it writes it, and most images are named in it
LIKELY = 0.8  # a file of a common form, and most images are named in it
SHAPE = 0.5  # the folders look like it
FALLBACK = 0.1  # nothing speaks for it, but that nothing else was recognised either


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """``confidence`` is from 0 to 1; ``why`` completes the sentence "It was recognised because ..."."""

    confidence: float
    why: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What an upload says of its images, read as one layout.

    An image that is neither placed nor left out is reported as one the layout says nothing of; a document neither read
    nor left out as one that was not used.
    """

    # by the path of the image
    placements: Mapping[Parts, Placement]
    # files, or lines of documents, that say nothing usable, and why
    left_out: Sequence[tuple[Parts, str]] = ()
    findings: Sequence[Finding] = ()
    # names that the upload declares; those without an image are reported
    classes: frozenset[str] = frozenset()
    # documents that labels, splits or names were taken from
    documents: frozenset[Parts] = frozenset()
    # images that must stay on one side of a split (frames of a video, pictures of a patient), by the group's name
    groups: Mapping[Parts, str] = field(default_factory=dict)


class Layout(Protocol):
    """Reads uploads of one kind. It holds no state; what both methods need is kept by `Upload.once`."""

    @property
    def name(self) -> str:
        """As the report and the documentation call it."""

    @property
    def seen_from(self) -> str:
        """Tools and versions whose files it was built from."""

    @property
    def reads(self) -> str:
        """What is read, in one sentence."""

    def recognise(self, upload: Upload) -> Recognition | None:
        """How sure it is that the upload is of this layout; None where it is not."""

    def read(self, upload: Upload) -> Reading:
        """Called only after `recognise` was sure. What is wrong with the upload is said in findings, never raised."""
