"""One archive as a tool or a person would make it, and the truth about its images."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.exports.packing import Files, zip_of
from benchmarks.exports.samples import Sample
from trainer.intake.placement import SPLITS, Split


@dataclass(frozen=True, kw_only=True)
class Export:
    """``name`` is "group/variant". ``upload`` are files to be zipped, or the bytes of the archive."""

    name: str
    upload: Files | bytes
    # what can be read, and is of a class
    true: Sequence[Sample]
    # the splits that the upload tells
    given: Sequence[Split] = SPLITS
    # the classes as the upload calls them, in the order of the samples' classes; () for the same names
    names: Sequence[str] = ()
    # files without a class, which have to be left out and said
    left_out: Sequence[str] = ()
    # images that the upload contradicts itself about: whatever becomes of them, there has to be a warning
    doubtful: Sequence[Sample] = ()
    # whether something about the upload has to be warned of, though its images are told
    needs_warning: bool = False
    # for an upload that says nothing of its images: what its refusal has to say, as a regular expression
    refusal: str = ""

    @property
    def data(self) -> bytes:
        return self.upload if isinstance(self.upload, bytes) else zip_of(self.upload)

    @property
    def classes(self) -> Sequence[str]:
        """Those of the samples."""
        return self.true[0].classes
