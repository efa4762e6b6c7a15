"""One process of a group, started by torchrun: trains a student for two epochs and writes what came of it.

Arguments: folder, images a batch.
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from nettailor.architecture.plan import full_plan
from nettailor.network.backbones import build_backbone
from nettailor.network.local_pass import LocalPass
from nettailor.network.losses import distillation_loss, local_teacher_loss
from nettailor.network.student import Student
from tests.trainer import tiny_geometry
from tests.trainer.tiny import PREPROCESSING, coloured
from trainer.recipe.teacher import Teacher
from trainer.training.data import training_batches
from trainer.training.distributed import ProcessGroup
from trainer.training.fit import TrainingRun, fit
from trainer.training.schedule import Schedule


class _WithoutStatistics(Student):
    """Its proxies, too, normalise by what they have, not by the batch."""

    def train(self, mode: bool = True) -> "_WithoutStatistics":
        super().train(False)
        return self


def train(folder: Path, batch_size: int) -> nn.Module:
    """A share of a batch gives its share of the gradient, in double precision but for the distillation's loss."""
    torch.manual_seed(0)
    with tiny_geometry.known():
        backbone = build_backbone(tiny_geometry.NAME).double()
    student = _WithoutStatistics(backbone, plan=full_plan(backbone.depth, 3), classes=3, statistics="frozen").double()
    guide = Teacher(backbone, 3).double().eval()
    local_pass, data = LocalPass(student), coloured(36, 3, 0)

    def step(images: Tensor, labels: Tensor, progress: float) -> dict[str, Tensor]:
        targets, trace = guide.targets(images), local_pass(images.double())
        outputs = trace.outputs
        complexity = torch.stack([student.alpha(node)[0] for node in student.plan.nodes()]).mean()
        local = local_teacher_loss(outputs, targets.nodes, targets.logits)
        loss = nn.functional.cross_entropy(outputs.logits, labels) + 0.3 * complexity + local
        loss = loss + distillation_loss(outputs, targets.logits)
        trace.backward(loss)
        return {"loss": loss}

    run = TrainingRun(
        name="group",
        seed=0,
        schedule=Schedule(epochs=2, lr=0.05, batch_size=batch_size, clip=1.0),
        steps=len(data) // batch_size,
        batches=lambda generator, number: training_batches(
            data, PREPROCESSING, batch_size=batch_size, flip=True, generator=generator, group=ProcessGroup.current()
        ),
        step=step,
        checkpoint=folder / "group.pt",
    )
    fit(student, run)
    return student


if __name__ == "__main__":
    dist.init_process_group("gloo")
    trained = train(Path(sys.argv[1]), int(sys.argv[2]))
    torch.save(trained.state_dict(), Path(sys.argv[1]) / f"{dist.get_rank()}.pt")
    dist.destroy_process_group()
