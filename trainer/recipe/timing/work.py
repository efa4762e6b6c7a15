"""What an epoch of each kind of run costs, for telling how far a tailoring is and how long it will take."""

from collections.abc import Mapping
from dataclasses import dataclass

from trainer.recipe.timing.throughput import Throughput, Throughputs

# What a pass over a training image costs, in passes of the teacher's training, on a CPU: the student's steps run the
# teacher, too; those of the networks that are cut from it find what it said (recipe/teachers/lessons.py). Forms of the
# loss that compare nodes take a third more.
PASS_WORK: Mapping[str, float] = {
    "teacher": 1.0,
    "student": 1.2,
    "recover": 0.55,
    "retrain": 0.55,
    "batchnorm": 1.0,  # there are no other runs beside it
    "adapters": 1.0,  # nor beside these
    "masks": 1.0,
    "weights": 1.0,
}


@dataclass(frozen=True, kw_only=True)
class EpochWork:
    """Work of an epoch by the kind of its run: `image` for each training image, `epoch` whatever their number; `around`
    for each training image what a run of any kind does before its epochs and after them."""

    image: Mapping[str, float]
    epoch: float = 0.0
    around: float

    def of(self, kind: str, images: int) -> float:
        return self.image[kind] * images + self.epoch

    def of_run(self, kind: str, images: int, epochs: int) -> float:
        return epochs * self.of(kind, images) + self.beside(images)

    def beside(self, images: int) -> float:
        """Of a run, without its epochs: regression, statistics, accuracy."""
        return self.around * images


IN_PASSES = EpochWork(image=PASS_WORK, around=1.0)


def in_teachers_seconds(teacher: Throughput) -> EpochWork:
    """By the pace of the teacher's training on this machine."""
    images = {kind: work * teacher.image for kind, work in PASS_WORK.items()}
    return EpochWork(image=images, epoch=teacher.epoch, around=teacher.image)


def in_seconds(found: Throughputs) -> EpochWork:
    """As measured on this machine."""
    images = {
        "teacher": found.teacher.image,
        "student": found.student.image,
        "recover": found.candidate.image,
        "retrain": found.candidate.image,
    }
    return EpochWork(image=images, epoch=max(found.teacher.epoch, found.student.epoch), around=found.teacher.image)
