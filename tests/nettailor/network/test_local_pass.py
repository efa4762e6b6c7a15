"""The fast training pass against two plain passes through the student."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.training.straightforward import two_passes
from nettailor.architecture.plan import Plan, full_plan
from nettailor.bundle.manifest import StatisticsMode
from nettailor.network.backbones import Backbone, build_backbone, channels_last
from nettailor.network.folding import folded
from nettailor.network.local_pass import LocalOutputs, LocalPass
from nettailor.network.losses import distillation_loss, teacher_loss
from nettailor.network.student import Student
from tests.nettailor.network.students import trained_looking

PLANS: dict[str, tuple[str, Callable[[], Plan]]] = {
    "full": ("mini26", lambda: full_plan(12, 3)),
    "bottleneck": ("resnet50", lambda: full_plan(16, 2)),
    "no proxies": ("mini26", lambda: full_plan(12, 0)),
    # Node 4 absent, node 9 without its block and fed from another stage, nodes of one path only.
    "pruned": (
        "mini26",
        lambda: Plan(
            blocks=(True, False, True, False, False, False, True, True, False, True, False, True),
            proxies=((0,), (1, 0), (), (), (3, 2), (5, 3), (), (6,), (8, 7, 6), (), (10, 9), (11, 10)),
        ),
    ),
}


def backbone_of(name: str) -> Backbone:
    torch.manual_seed(0)
    return build_backbone(name)


def loss_of(student: Student, outputs: LocalOutputs, labels: Tensor, targets: dict[int, Tensor]) -> Tensor:
    """Every kind of term there is: through all, layer by layer, and straight to the alphas."""
    logits = torch.zeros_like(outputs.logits)
    complexity = torch.stack([student.alpha(node)[0] for node in student.plan.nodes()]).sum()
    local = teacher_loss(outputs, targets, logits)
    return F.cross_entropy(outputs.logits, labels) + 10 * local + 0.3 * complexity + distillation_loss(outputs, logits)


@pytest.mark.parametrize("mode", ["task", "frozen"])
@pytest.mark.parametrize("kind", list(PLANS))
def test_one_pass_gives_the_gradients_of_two(kind: str, mode: StatisticsMode) -> None:
    name, plan = PLANS[kind]
    backbone = backbone_of(name)
    student = trained_looking(Student(backbone, plan=plan(), classes=4, statistics=mode)).train().double()
    start = {k: v.clone() for k, v in student.state_dict().items()}
    images, labels = torch.randn(6, 3, 32, 32).double(), torch.randint(0, 4, (6,))
    backbone.double()  # in float32, batch statistics of few values would hide a wrong term
    with torch.no_grad():
        targets = dict(enumerate(backbone.features(images)))

    outputs = two_passes(student, images)
    loss_of(student, outputs, labels, targets).backward()
    wanted = {n: p.grad.clone() for n, p in student.named_parameters() if p.grad is not None}
    student.load_state_dict(start)
    student.zero_grad()
    trace = LocalPass(student)(images)
    for node, x in trace.outputs.nodes.items():
        torch.testing.assert_close(x, outputs.nodes[node], rtol=1e-7, atol=1e-9, msg=f"node {node}")
    trace.backward(loss_of(student, trace.outputs, labels, targets))

    found = {n: p.grad for n, p in student.named_parameters() if p.grad is not None}
    assert found.keys() == wanted.keys() == {n for n, p in student.named_parameters() if p.requires_grad}
    for parameter, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[parameter], rtol=1e-6, atol=1e-9, msg=parameter)


@pytest.mark.parametrize("mode", ["task", "frozen"])
def test_running_statistics_follow_as_in_the_plain_pass(mode: StatisticsMode) -> None:
    students = []
    for _ in range(2):
        backbone = backbone_of("mini26")
        students.append(Student(backbone, plan=full_plan(12, 3), classes=4, statistics=mode).train())
    images = torch.randn(6, 3, 32, 32)
    LocalPass(students[0])(images)
    students[1](images)
    for (name, a), b in zip(students[0].named_buffers(), students[1].buffers(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("name", ["mini26", "resnet50"])
def test_the_inference_form_computes_the_same(name: str) -> None:
    backbone = channels_last(backbone_of(name))
    form = folded(backbone)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for block in form.blocks for m in block.modules())
    assert not any(p.requires_grad for p in form.parameters())
    images = torch.randn(3, 3, 40, 40)
    torch.testing.assert_close(form(images), backbone(images), rtol=1e-4, atol=1e-4)
