"""Proxies start as what linear regression gives."""

import numpy as np
import torch
from torch.nn import functional as F

from nettailor.backbones import build_backbone
from nettailor.plan import full_plan
from nettailor.proxies import Proxy
from nettailor.student import Student
from trainer.first_proxies import regress_proxies
from trainer.teacher import Teacher


def test_a_proxy_becomes_the_least_squares_fit_of_its_target() -> None:
    torch.manual_seed(0)
    proxy, x, target = Proxy((8, 6), 2), torch.randn(16, 8, 9, 9), torch.randn(16, 6, 5, 5)
    lengths = proxy.get_parameter("conv.weight").flatten(1).norm(dim=1).clone()
    proxy.regress(x, target, ridge=0.0)

    pooled = F.max_pool2d(x, 3, 2, 1).movedim(1, -1).reshape(-1, 8).numpy()
    design = np.concatenate([pooled, np.ones((len(pooled), 1))], 1)
    wanted = target.movedim(1, -1).reshape(-1, 6).numpy()
    solution, *_ = np.linalg.lstsq(design, wanted, rcond=None)
    expected = (design @ solution).reshape(16, 5, 5, 6).transpose(0, 3, 1, 2)
    for training in (True, False):
        actual = proxy.train(training)(x).detach().numpy()
        np.testing.assert_allclose(actual, expected, atol=2e-3)  # batch-norm's epsilon
    torch.testing.assert_close(proxy.get_parameter("conv.weight").flatten(1).norm(dim=1), lengths)


def test_a_bottleneck_proxy_fits_its_last_layer() -> None:
    torch.manual_seed(0)
    proxy, x = Proxy((8, 16, 6), 1), torch.randn(16, 8, 5, 5)
    target = F.relu(x).sum(1, keepdim=True).expand(-1, 6, -1, -1)
    before = F.mse_loss(proxy(x), target)
    proxy.regress(x, target)
    assert F.mse_loss(proxy(x), target) < 0.2 * min(before, target.var())


def test_every_proxy_of_a_student_comes_nearer_to_the_teacher() -> None:
    torch.manual_seed(0)
    backbone = build_backbone("mini26")
    student = Student(backbone, plan=full_plan(12, 3), classes=4, statistics="task")
    teacher, images = Teacher(backbone, 4).eval(), torch.randn(32, 3, 32, 32)

    def distances() -> dict[tuple[int, int], float]:
        nodes = {0: student.stem(images)}
        found = {}
        for node, target in teacher.sums(images).items():
            for source in student.plan.sources(node):
                found[source, node] = float(F.mse_loss(student.proxy(source, node)(nodes[source]), target))
            nodes[node] = student.node(node, nodes)
        return found

    with torch.no_grad():
        random = distances()
        regress_proxies(student, teacher, images)
        fitted = distances()
    assert all(fitted[path] < random[path] for path in random)
