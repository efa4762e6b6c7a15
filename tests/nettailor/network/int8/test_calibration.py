import numpy as np
import pytest
import torch

from nettailor.architecture.plan import full_plan, reachable_plan
from nettailor.bundle.bundle import decode, encode
from nettailor.bundle.manifest import Method, adapters_of
from nettailor.network.backbones import build_backbone
from nettailor.network.int8.calibration import calibrated_ranges, range_tensors
from nettailor.network.student import Student
from tests.bundles import random_manifest
from tests.nettailor.network.students import adapted_looking, trained_looking


def student_of(method: Method, backbone: str = "mini26") -> Student:
    torch.manual_seed(0)
    built = build_backbone(backbone)
    nodes = range(1, built.depth + 1)
    pruned = reachable_plan([node not in (2, 3) for node in nodes], [[1] if node == 3 else [] for node in nodes])
    plan = pruned if method == "nettailor" else full_plan(built.depth, 0)
    student = Student(built, plan=plan, classes=5, statistics="task", adapters=adapters_of(method))
    return adapted_looking(trained_looking(student)).eval()


@pytest.mark.parametrize(
    ("method", "backbone"), [("nettailor", "mini26"), ("nettailor", "resnet50"), ("series-adapters", "mini26")]
)
def test_a_bundle_holds_what_is_calibrated(method: Method, backbone: str) -> None:
    student = student_of(method, backbone)
    ranges = calibrated_ranges(student, [torch.randn(2, 3, 32, 32)])
    manifest = random_manifest(
        backbone=backbone, plan=student.plan, method=method, activation_ranges=True, statistics="task"
    )
    bundle = decode(encode(manifest, student.bundle_tensors() | range_tensors(ranges)))
    assert all(np.array_equal(bundle.tensors[f"ranges.{node}"], own) for node, own in ranges.items())


@torch.inference_mode()
def test_ranges_are_those_of_the_nodes_and_of_the_inputs_inside_their_blocks() -> None:
    student, images = student_of("nettailor"), torch.randn(4, 3, 32, 32)
    ranges = calibrated_ranges(student, [images[:1], images[1:]])
    nodes = {0: student.stem(images)}
    for node in student.plan.nodes():
        nodes[node] = student.node(node, nodes)
        assert ranges[node][0] / float(nodes[node].max()) == pytest.approx(0.85, abs=0.15)
    conv, norm, relu, *_ = student.block(1).get_submodule("branch").children()
    assert ranges[1][1] / float(relu(norm(conv(nodes[0]))).max()) == pytest.approx(0.85, abs=0.15)
    assert {node: len(own) for node, own in ranges.items()} == {0: 1, 1: 2, 3: 1} | dict.fromkeys(range(4, 13), 2)


def test_nothing_stays_behind_on_the_student() -> None:
    student = student_of("nettailor")
    calibrated_ranges(student, [torch.randn(1, 3, 32, 32)])
    assert not any(module._forward_pre_hooks for module in student.modules())
