"""Proxies by least squares, against numpy's, and what that does to whole students."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nettailor.architecture.plan import full_plan, reachable_plan
from nettailor.network.backbones import build_backbone
from nettailor.network.proxies import Proxy
from nettailor.network.student import Student
from trainer.recipe.least_squares import fit_jointly, regress_proxies, take_over
from trainer.recipe.teacher import Teacher


def test_a_proxy_becomes_the_least_squares_fit_of_its_target() -> None:
    torch.manual_seed(0)
    proxy, x, target = Proxy((8, 6), 2), torch.randn(16, 8, 9, 9), torch.randn(16, 6, 5, 5)
    lengths = proxy.get_parameter("conv.weight").flatten(1).norm(dim=1).clone()
    fit_jointly([proxy], [1.0], [x], target, ridge=0.0)

    pooled = F.max_pool2d(x, 3, 2, 1).movedim(1, -1).reshape(-1, 8).numpy()
    design = np.concatenate([pooled, np.ones((len(pooled), 1))], 1)
    wanted = target.movedim(1, -1).reshape(-1, 6).numpy()
    solution, *_ = np.linalg.lstsq(design, wanted, rcond=None)
    expected = (design @ solution).reshape(16, 5, 5, 6).transpose(0, 3, 1, 2)
    for training in (True, False):
        actual = proxy.train(training)(x).detach().numpy()
        np.testing.assert_allclose(actual, expected, atol=2e-3)  # batch-norm's epsilon
    torch.testing.assert_close(proxy.get_parameter("conv.weight").flatten(1).norm(dim=1), lengths)


def test_several_proxies_fit_their_target_together() -> None:
    torch.manual_seed(0)
    proxies, alphas = [Proxy((8, 6), 2), Proxy((5, 6), 1)], [0.7, 0.3]
    xs, target = [torch.randn(16, 8, 9, 9), torch.randn(16, 5, 5, 5)], torch.randn(16, 6, 5, 5)
    fit_jointly(proxies, alphas, xs, target, ridge=0.0)

    inputs = [F.max_pool2d(xs[0], 3, 2, 1), xs[1], torch.ones(16, 1, 5, 5)]
    design = torch.cat(inputs, 1).movedim(1, -1).reshape(-1, 14).numpy()
    wanted = target.movedim(1, -1).reshape(-1, 6).numpy()
    solution, *_ = np.linalg.lstsq(design, wanted, rcond=None)
    expected = (design @ solution).reshape(16, 5, 5, 6).transpose(0, 3, 1, 2)
    for training in (True, False):
        outputs = (a * p.train(training)(x) for a, p, x in zip(alphas, proxies, xs, strict=True))
        np.testing.assert_allclose(sum(outputs).detach().numpy(), expected, atol=2e-3)


def test_a_bottleneck_proxy_fits_its_last_layer() -> None:
    torch.manual_seed(0)
    proxy, x = Proxy((8, 16, 6), 1), torch.randn(16, 8, 5, 5)
    target = F.relu(x).sum(1, keepdim=True).expand(-1, 6, -1, -1)
    before = F.mse_loss(proxy(x), target)
    fit_jointly([proxy], [1.0], [x], target)
    assert F.mse_loss(proxy(x), target) < 0.2 * min(before, target.var())


def test_every_proxy_of_a_student_comes_nearer_to_the_teacher() -> None:
    torch.manual_seed(0)
    backbone = build_backbone("mini26")
    student = Student(backbone, plan=full_plan(12, 3), classes=4, statistics="task")
    teacher, images = Teacher(backbone, 4).eval(), torch.randn(32, 3, 32, 32)

    def distances() -> dict[tuple[int, int], float]:
        nodes = {0: student.stem(images)}
        found = {}
        for node, target in teacher.sums(images):
            for source in student.plan.sources(node):
                found[source, node] = float(F.mse_loss(student.proxy(source, node)(nodes[source]), target))
            nodes[node] = student.node(node, nodes)
        return found

    with torch.no_grad():
        random = distances()
        regress_proxies(student, teacher, images)
        fitted = distances()
    assert all(fitted[path] < random[path] for path in random)


def test_the_proxies_left_take_over_what_pruned_blocks_did() -> None:
    torch.manual_seed(0)
    backbone, images = build_backbone("mini26"), torch.randn(32, 3, 32, 32)
    before = Student(backbone, plan=full_plan(12, 3), classes=4, statistics="task")
    kept = [node not in {3, 7} for node in before.plan.nodes()]
    pruned = before.pruned(reachable_plan(kept, [list(sources) for sources in before.plan.proxies]), backbone)
    pruned.train()
    before.train()

    def distance() -> float:
        return float(F.mse_loss(_last_node(pruned, images), _last_node(before, images)))

    with torch.no_grad():
        untouched = distance()
        take_over(pruned, before, images)
        assert distance() < untouched


def test_only_what_is_still_needed_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of hundreds of images: with three skips those of the three nodes before."""
    torch.manual_seed(0)
    backbone, images = build_backbone("mini26"), torch.randn(8, 3, 32, 32)
    before = Student(backbone, plan=full_plan(12, 3), classes=4, statistics="task")
    kept = [node not in {3, 7} for node in before.plan.nodes()]
    pruned = before.pruned(reachable_plan(kept, [list(sources) for sources in before.plan.proxies]), backbone)
    held: list[int] = []
    compute = Student.sum

    def watched(student: Student, node: int, nodes: Mapping[int, Tensor]) -> Tensor:
        held.append(len(nodes))
        return compute(student, node, nodes)

    monkeypatch.setattr(Student, "sum", watched)
    regress_proxies(before, Teacher(backbone, 4).eval(), images)
    take_over(pruned, before, images)
    assert max(held) == 3
    assert len(held) == 2 * 12 + 10  # the first two nodes are those of the network before


def test_a_student_nothing_was_cut_from_is_left_alone() -> None:
    torch.manual_seed(0)
    backbone = build_backbone("mini26")
    before = Student(backbone, plan=full_plan(12, 3), classes=4, statistics="task")
    pruned = before.pruned(before.plan, backbone)
    expected = {name: value.clone() for name, value in pruned.named_parameters()}
    take_over(pruned, before, torch.randn(8, 3, 32, 32))
    for name, value in pruned.named_parameters():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)


@pytest.mark.parametrize("training", [True, False])
def test_the_parent_is_left_alone(training: bool) -> None:
    torch.manual_seed(0)
    backbone = build_backbone("mini26")
    before = Student(backbone, plan=full_plan(12, 3), classes=4, statistics="task").train(training)
    kept = [node not in {3, 7} for node in before.plan.nodes()]
    pruned = before.pruned(reachable_plan(kept, [list(sources) for sources in before.plan.proxies]), backbone)
    expected = {name: value.clone() for name, value in before.state_dict().items()}
    take_over(pruned, before, torch.randn(8, 3, 32, 32))
    assert before.training is training
    assert before.state_dict().keys() == expected.keys()
    for name, value in before.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert all(norm.track_running_stats for norm in before.modules() if isinstance(norm, torch.nn.BatchNorm2d))


def _last_node(student: Student, images: Tensor) -> Tensor:
    nodes: dict[int, Tensor] = {0: student.stem(images)}
    for node in student.plan.nodes():
        nodes[node] = student.node(node, nodes)
    return nodes[student.plan.depth]
