"""What an epoch of each kind of run costs, for telling how far a tailoring is and how long it will take."""

from collections.abc import Mapping
from dataclasses import dataclass

from trainer.recipe.timing.throughput import Throughput

# What a pass over a training image costs, in passes of the teacher's training: the steps of the student and of
# retraining run the teacher, too.
PASS_WORK: Mapping[str, float] = {
    "teacher": 1.0,
    "student": 1.8,
    "recover": 1.4,
    "retrain": 1.0,
    "batchnorm": 1.0,  # there are no other runs beside it
    "adapters": 1.0,  # nor beside these
    "masks": 1.0,
}


@dataclass(frozen=True, kw_only=True)
class EpochWork:
    """Work of an epoch by the kind of its run: `image` for each training image, `epoch` whatever their number."""

    image: Mapping[str, float]
    epoch: float = 0.0

    def of(self, kind: str, images: int) -> float:
        return self.image[kind] * images + self.epoch


IN_PASSES = EpochWork(image=PASS_WORK)


def in_seconds(teacher: Throughput, student: Throughput) -> EpochWork:
    """As measured on this machine. Networks with blocks removed are to the full student as they are in passes."""

    def seconds(kind: str) -> float:
        if kind == "teacher":
            return teacher.image
        return student.image * PASS_WORK[kind] / PASS_WORK["student"]

    kinds = ("teacher", "student", "recover", "retrain")
    return EpochWork(image={kind: seconds(kind) for kind in kinds}, epoch=max(teacher.epoch, student.epoch))
