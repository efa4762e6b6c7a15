"""What the tailoring that made a bundle measured of it on the test split.

It is kept beside the version, so that versions are compared image by image without asking the networks again.

Legend: N test images, in the order of their names in the dataset file.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from nettailor.bundle.safetensors_file import canonical_json
from registry.errors import AnswersMissing
from registry.journal.records import VersionRecord
from registry.storage.blobs import Blobs
from registry.versions.attachments import read

# The attachment with the evaluations of all points of a front, by the digest of their bundle. As a part of the front it
# goes along to every version that another point of it becomes.
EVALUATIONS = "front/evaluations.json"

Right = NDArray[np.bool_]  # (N,): whether an answer is right


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """`milliseconds` is what the network took for one image alone, on the device that `measured_on` tells."""

    right: Right
    milliseconds: float
    measured_on: str


@dataclass(frozen=True, kw_only=True)
class _Written:
    """An evaluation as the file has it: the answers are bits in base64, the first in the highest bit of a byte."""

    images: int
    right: str
    milliseconds: float
    measured_on: str

    @classmethod
    def of(cls, found: Evaluation) -> "_Written":
        bits = base64.b64encode(np.packbits(found.right).tobytes()).decode()
        return cls(images=len(found.right), right=bits, milliseconds=found.milliseconds, measured_on=found.measured_on)

    def read(self) -> Evaluation:
        """Raises `ValueError` if there are fewer bits than images."""
        packed = np.frombuffer(base64.b64decode(self.right), np.uint8)
        if not 0 <= self.images <= 8 * len(packed):  # before room is made for so many
            raise ValueError(f"{8 * len(packed)} bits for {self.images} images")
        right = np.unpackbits(packed, count=self.images).astype(bool)
        return Evaluation(right=right, milliseconds=self.milliseconds, measured_on=self.measured_on)


_FILE = TypeAdapter(dict[str, _Written])


def written(evaluations: Mapping[str, Evaluation]) -> bytes:
    """The attachment, of evaluations by digest."""
    rows = {digest: _Written.of(evaluation) for digest, evaluation in evaluations.items()}
    return canonical_json(_FILE.dump_python(rows, mode="json")).encode()


def evaluation_of(record: VersionRecord, blobs: Blobs) -> Evaluation:
    """That of a version. Raises `AnswersMissing`, `BlobMissing`, `BlobCorrupt`."""

    def missing(reason: str) -> AnswersMissing:
        return AnswersMissing(record.task, record.version, reason)

    if EVALUATIONS not in record.attachments:
        raise missing("it was published as a file, or tailored by a release that recorded none")
    try:
        row = _FILE.validate_json(read(blobs, record, EVALUATIONS)).get(record.digest)
        evaluation = None if row is None else row.read()
    except ValueError as fault:  # pydantic's `ValidationError` is one
        raise missing("they were recorded in a form that this release does not read") from fault
    if evaluation is None:
        raise missing("its tailoring recorded those of other networks only")
    if not len(evaluation.right):
        raise missing("its data set has no test images")
    return evaluation
