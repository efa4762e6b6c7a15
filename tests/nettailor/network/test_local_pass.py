"""The fast training pass against two plain passes through the student."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

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
from nettailor.network.losses import distillation_loss, local_teacher_loss, paper_teacher_loss
from nettailor.network.student import Student
from tests import tiny_bottleneck
from tests.nettailor.network.students import trained_looking

pytestmark = pytest.mark.usefixtures("knows_tiny_bottleneck")

PLANS: dict[str, tuple[str, Callable[[], Plan]]] = {
    "full": ("mini26", lambda: full_plan(12, 3)),
    "bottleneck": (tiny_bottleneck.NAME, lambda: full_plan(6, 2)),
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
    local = local_teacher_loss(outputs, targets, logits)
    return F.cross_entropy(outputs.logits, labels) + 10 * local + 0.3 * complexity + distillation_loss(outputs, logits)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A student in training, and what it is trained on, in double precision: in float32, batch statistics of few values
    would hide a wrong term. `nodes` and `logits` are the teacher's."""

    student: Student
    images: Tensor
    labels: Tensor
    nodes: dict[int, Tensor]
    logits: Tensor

    @classmethod
    def of(cls, kind: str, mode: StatisticsMode) -> "Case":
        name, plan = PLANS[kind]
        backbone = backbone_of(name)
        student = trained_looking(Student(backbone, plan=plan(), classes=4, statistics=mode)).train().double()
        images, labels = torch.randn(6, 3, 32, 32).double(), torch.randint(0, 4, (6,))
        backbone.double()
        with torch.no_grad():
            nodes = dict(enumerate(backbone.features(images)))
        return cls(student=student, images=images, labels=labels, nodes=nodes, logits=torch.randn(6, 4).double())

    def gradients(self, backward: Callable[[], None]) -> dict[str, Tensor]:
        """The gradient of every parameter after `backward`; running statistics that it moved are put back."""
        start = {k: v.clone() for k, v in self.student.state_dict().items()}
        self.student.zero_grad()
        backward()
        self.student.load_state_dict(start)
        return {n: p.grad.clone() for n, p in self.student.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("mode", ["task", "frozen"])
@pytest.mark.parametrize("kind", list(PLANS))
def test_the_papers_loss_has_the_gradients_of_its_plain_form(kind: str, mode: StatisticsMode) -> None:
    case = Case.of(kind, mode)

    def plainly() -> None:
        """As the released code has it: every distance by itself, only the inputs of the second pass detached."""
        outputs = two_passes(case.student, case.images)
        distance = F.mse_loss(outputs.logits, case.logits)
        for node, x in outputs.nodes.items():
            distance = distance + F.mse_loss(x, case.nodes[node])
        loss = F.cross_entropy(outputs.logits, case.labels) + 10 * distance / case.student.plan.depth
        loss.backward()

    def at_once() -> None:
        trace = LocalPass(case.student)(case.images)
        distance = paper_teacher_loss(trace.outputs, case.nodes, case.logits)
        trace.backward(F.cross_entropy(trace.outputs.logits, case.labels) + 10 * distance)

    wanted, found = case.gradients(plainly), case.gradients(at_once)
    assert found.keys() == wanted.keys() == {n for n, p in case.student.named_parameters() if p.requires_grad}
    for parameter, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[parameter], rtol=1e-6, atol=1e-9, msg=parameter)


@pytest.mark.parametrize("kind", ["full", "pruned"])
def test_the_local_form_and_a_distillation_make_the_papers_loss_of_the_body(kind: str) -> None:
    """And more than it of the classifier, which both of them train."""
    case = Case.of(kind, "task")
    present, depth = len(list(case.student.plan.nodes())), case.student.plan.depth

    def papers() -> None:
        trace = LocalPass(case.student)(case.images)
        trace.backward(10 * paper_teacher_loss(trace.outputs, case.nodes, case.logits))

    def local(distilled: float) -> Callable[[], None]:
        def backward() -> None:
            trace = LocalPass(case.student)(case.images)
            loss = 10 * (present + 1) / depth * local_teacher_loss(trace.outputs, case.nodes, case.logits)
            trace.backward(loss + distilled * distillation_loss(trace.outputs, case.logits))

        return backward

    wanted, found, detached = (_body(case.gradients(b)) for b in (papers, local(10 / depth), local(0.0)))
    assert (found - wanted).norm() < 1e-5 * wanted.norm()
    assert F.cosine_similarity(detached, wanted, dim=0) < 0.9


@pytest.mark.parametrize("mode", ["task", "frozen"])
@pytest.mark.parametrize("kind", list(PLANS))
def test_one_pass_gives_the_gradients_of_two(kind: str, mode: StatisticsMode) -> None:
    case = Case.of(kind, mode)
    nodes: list[Mapping[int, Tensor]] = []

    def plainly() -> None:
        outputs = two_passes(case.student, case.images)
        nodes.append(outputs.nodes)
        loss_of(case.student, outputs, case.labels, case.nodes).backward()

    def at_once() -> None:
        trace = LocalPass(case.student)(case.images)
        nodes.append(trace.outputs.nodes)
        trace.backward(loss_of(case.student, trace.outputs, case.labels, case.nodes))

    wanted, found = case.gradients(plainly), case.gradients(at_once)
    for node, x in nodes[1].items():
        torch.testing.assert_close(x, nodes[0][node], rtol=1e-7, atol=1e-9, msg=f"node {node}")
    assert found.keys() == wanted.keys() == {n for n, p in case.student.named_parameters() if p.requires_grad}
    for parameter, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[parameter], rtol=1e-6, atol=1e-9, msg=parameter)


@pytest.mark.parametrize("mode", ["task", "frozen"])
@pytest.mark.parametrize("kind", list(PLANS))
def test_a_loss_that_compares_no_nodes_has_the_gradients_of_the_plain_network(kind: str, mode: StatisticsMode) -> None:
    case = Case.of(kind, mode)

    def plainly() -> None:
        F.cross_entropy(case.student(case.images), case.labels).backward()

    def uncut() -> None:
        trace = LocalPass(case.student, nodes_compared=False)(case.images)
        trace.backward(F.cross_entropy(trace.outputs.logits, case.labels))

    wanted, found = case.gradients(plainly), case.gradients(uncut)
    assert found.keys() == wanted.keys()
    for parameter, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[parameter], rtol=1e-6, atol=1e-9, msg=parameter)


def test_it_imports_nothing_as_it_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """As PyTorch does to compare the shape of a gradient that it is given: half a second of every job."""
    monkeypatch.setitem(sys.modules, "torch.fx.experimental.symbolic_shapes", None)  # whoever imports it fails
    case = Case.of("pruned", "task")
    trace = LocalPass(case.student)(case.images)
    trace.backward(loss_of(case.student, trace.outputs, case.labels, case.nodes))


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


@pytest.mark.parametrize("name", ["mini26", tiny_bottleneck.NAME])
def test_the_inference_form_computes_the_same(name: str) -> None:
    backbone = channels_last(backbone_of(name))
    form = folded(backbone)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for block in form.blocks for m in block.modules())
    assert not any(p.requires_grad for p in form.parameters())
    images = torch.randn(3, 3, 40, 40)
    torch.testing.assert_close(form(images), backbone(images), rtol=1e-4, atol=1e-4)


def _body(gradients: Mapping[str, Tensor]) -> Tensor:
    """All but the classifier's, as one vector."""
    return torch.cat([g.flatten() for name, g in gradients.items() if not name.startswith("head.")])
