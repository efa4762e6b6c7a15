from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.architecture.plan import full_plan
from nettailor.bundle.bundle import decode, encode
from nettailor.bundle.manifest import ADAPTER_METHODS, Method, adapters_of
from nettailor.network.backbones import Backbone, build_backbone
from nettailor.network.int8.calibration import calibrated_ranges, range_tensors
from nettailor.network.int8.quantised import QuantisedConvolution, Rounding, quantised, quantised_network
from nettailor.network.student import Student
from tests import tiny_bottleneck
from tests.bundles import random_manifest
from tests.nettailor.network.students import adapted_looking, trained_looking

EXACT = Rounding(proxy_inputs=False, proxy_weights=False, adapter_inputs=False)  # beside the blocks


def backbone_of(name: str = "mini26") -> Backbone:
    torch.manual_seed(0)
    return build_backbone(name)


def student_of(backbone: Backbone, method: Method = "nettailor") -> Student:
    skips = 2 if method == "nettailor" else 0
    plan = full_plan(backbone.depth, skips)
    student = Student(backbone, plan=plan, classes=5, statistics="task", adapters=adapters_of(method))
    return adapted_looking(trained_looking(student)).eval()


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (1, 1), (1, 2)])
def test_a_convolution_is_that_of_integers(kernel: int, stride: int) -> None:
    generator = torch.Generator().manual_seed(kernel + stride)
    conv = nn.Conv2d(6, 4, kernel, stride=stride, padding=kernel // 2, bias=False)
    x = 3 * torch.rand(2, 6, 7, 7, generator=generator)
    x_bytes = np.clip(np.rint(255 * x.numpy().astype(np.float64) / 2.5), 0, 255).astype(np.int64)
    weight = conv.weight.detach().numpy().astype(np.float64)
    peaks = np.abs(weight).max((1, 2, 3))
    weight_bytes = np.rint(127 * weight / peaks[:, None, None, None]).astype(np.int64)
    sums = F.conv2d(torch.tensor(x_bytes), torch.tensor(weight_bytes), stride=stride, padding=kernel // 2)
    expected = sums * (2.5 / 255) * torch.tensor(peaks / 127)[:, None, None]
    torch.testing.assert_close(QuantisedConvolution.of(conv, 2.5)(x), expected.float(), rtol=1e-5, atol=1e-6)


def test_bytes_are_rounded_half_to_even_and_cut_off() -> None:
    conv = nn.Conv2d(1, 1, 1, bias=False)
    conv.weight.data.fill_(1.0)
    x = torch.tensor([0.4, 0.5, 1.5, 2.5, 254.5, 255.5, 900.0, -1.0]).view(1, 1, 1, -1)
    found = QuantisedConvolution.of(conv, 255.0)(x).flatten()
    torch.testing.assert_close(found, torch.tensor([0.0, 0.0, 2.0, 2.0, 254.0, 255.0, 255.0, 0.0]))


def test_a_channel_without_weights_gives_zero() -> None:
    conv = nn.Conv2d(3, 2, 1, bias=False)
    conv.weight.data[1] = 0.0
    found = QuantisedConvolution.of(conv, 1.0)(torch.rand(1, 3, 4, 4))
    assert torch.equal(found[:, 1], torch.zeros(1, 4, 4))
    assert torch.isfinite(found).all()


@torch.inference_mode()
def test_a_block_adds_its_input_as_it_is_and_projects_rounded_bytes() -> None:
    student = student_of(backbone_of())
    ranges = {node: np.array([3.0, 2.0], np.float32) for node in range(13)}
    low = quantised(student, ranges)

    def rounded(conv: nn.Module, x: Tensor, largest: float) -> Tensor:
        assert isinstance(conv, nn.Conv2d)
        found: Tensor = QuantisedConvolution.of(conv, largest)(x)
        return found

    for node in (5, 6):  # with a projection, and without
        block = student.block(node)
        x = torch.randn(2, student.geometry.channels[node - 1], 8, 8).relu()
        first, norm, relu, second, last_norm = block.get_submodule("branch").children()
        y = last_norm(rounded(second, relu(norm(rounded(first, x, 3.0))), 2.0))
        shortcut = block.get_submodule("shortcut")
        projected = isinstance(shortcut, nn.Sequential)
        beside = shortcut[1](rounded(shortcut[0], x, 3.0)) if isinstance(shortcut, nn.Sequential) else x
        assert projected == (node == 5)
        torch.testing.assert_close(low.block(node)(x), y + beside)


@pytest.mark.usefixtures("knows_tiny_bottleneck")
@pytest.mark.parametrize("rounding", [EXACT, Rounding()])
@pytest.mark.parametrize(
    ("method", "name"),
    [(m, "mini26") for m in ("nettailor", "batchnorm", *ADAPTER_METHODS)] + [("nettailor", tiny_bottleneck.NAME)],
)
@torch.inference_mode()
def test_rounding_costs_little(method: Method, name: str, rounding: Rounding) -> None:
    student, images = student_of(backbone_of(name), method), torch.randn(4, 3, 32, 32)
    expected = student.features(images)
    found = quantised(student, calibrated_ranges(student, [images]), rounding).features(images)
    off = (found - expected).norm() / expected.norm()
    assert 1e-5 < off < 0.08


@torch.inference_mode()
def test_the_student_and_the_backbone_stay_as_they_are() -> None:
    backbone = backbone_of()
    student, images, print_before = student_of(backbone), torch.randn(2, 3, 32, 32), backbone.fingerprint()
    expected = student(images)
    quantised(student, calibrated_ranges(student, [images]))
    assert torch.equal(student(images), expected)
    assert backbone.fingerprint() == print_before


@torch.inference_mode()
def test_proxies_and_adapters_read_bytes_where_they_are_to() -> None:
    for method in ("nettailor", "parallel-adapters"):
        student, images = student_of(backbone_of(), method), torch.randn(2, 3, 32, 32)
        ranges = calibrated_ranges(student, [images])
        seen = [
            quantised(student, ranges, rounding)(images)
            for rounding in (
                EXACT,
                replace(EXACT, proxy_inputs=True),
                replace(EXACT, proxy_weights=True),
                replace(EXACT, adapter_inputs=True),
            )
        ]
        changed = [not torch.equal(each, seen[0]) for each in seen[1:]]
        assert changed == ([True, True, False] if method == "nettailor" else [False, False, True])


@torch.inference_mode()
def test_the_proxies_into_a_node_are_one_matrix_of_bytes() -> None:
    """By the definition: alpha, batch-norm's scale and the input's step multiplied in, then rounded channel by channel,
    and multiplied with bytes in whole numbers."""
    student, node = student_of(backbone_of()), 7
    ranges = {source: np.array([2.0 + source / 10, 2.0], np.float32) for source in range(13)}
    low = quantised(student, ranges)
    channels, alphas = student.geometry.channels, student.alpha(node)[1:].tolist()
    inputs = {source: torch.rand(2, channels[source], 8, 8) * 2 for source in student.plan.sources(node)}
    matrices, total = [], torch.zeros(2, channels[node], 8, 8).double()
    for (source, x), alpha in zip(inputs.items(), alphas, strict=True):
        proxy, step = student.proxy(source, node), float(ranges[source][0]) / 255
        norm = proxy.get_submodule("norm")
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        weight = proxy.get_submodule("conv").get_parameter("weight")
        matrices.append((weight[:, :, 0, 0] * gain[:, None] * alpha * step, (x / step).round().clamp(0, 255)))
        total += alpha * (norm.bias - norm.running_mean * gain)[:, None, None]
    peaks = torch.cat([matrix for matrix, _ in matrices], 1).abs().amax(1)[:, None] / 127
    for matrix, x_bytes in matrices:
        total += torch.einsum("oc,nchw->nohw", (matrix / peaks).round().double() * peaks, x_bytes.double())
    found = [low.proxy(p, node)(x) * alpha for (p, x), alpha in zip(inputs.items(), alphas, strict=True)]
    torch.testing.assert_close(torch.stack(found).sum(0), total.float(), rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_a_bundle_with_ranges_is_enough() -> None:
    backbone, images = backbone_of(), torch.randn(2, 3, 32, 32)
    student = student_of(backbone)
    ranges = calibrated_ranges(student, [images])
    manifest = random_manifest(fingerprint=backbone.fingerprint(), plan=student.plan, activation_ranges=True)
    bundle = decode(encode(manifest, student.bundle_tensors() | range_tensors(ranges)))
    torch.testing.assert_close(quantised_network(backbone, bundle)(images), quantised(student, ranges)(images))
