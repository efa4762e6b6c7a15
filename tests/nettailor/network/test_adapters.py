"""What a task adds to a frozen convolution, by the formulas of the papers."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.architecture.plan import full_plan
from nettailor.bundle.bundle import decode, encode
from nettailor.bundle.manifest import ADAPTER_METHODS, AdapterMethod
from nettailor.network.adapters import AdaptedConvolution, SeriesAdapter, adapted
from nettailor.network.backbones import Backbone, build_backbone
from nettailor.network.folding import folded
from nettailor.network.student import Student
from tests import tiny_bottleneck
from tests.bundles import random_manifest
from tests.nettailor.network.students import adapted_looking

C_IN, C_OUT, STRIDE = 4, 5, 2


def convolution() -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(C_IN, C_OUT, 3, stride=STRIDE, padding=1, bias=False).requires_grad_(False)


def norm(weight: Tensor | None = None) -> nn.BatchNorm2d:
    found = nn.BatchNorm2d(C_OUT).eval().requires_grad_(False)
    assert found.running_var is not None
    found.running_var.uniform_(0.5, 2.0)
    if weight is not None:
        found.weight.copy_(weight)
    return found


def learned(method: AdapterMethod, weight: Tensor | None = None) -> AdaptedConvolution:
    found = adapted(method, convolution(), norm(weight))
    found.weight.data.normal_()
    if isinstance(found, SeriesAdapter):
        found.norm.weight.data.uniform_(0.5, 2.0)
        found.norm.bias.data.normal_()
        found.norm.running_mean = torch.randn(C_OUT)
        found.norm.running_var = 0.5 + torch.rand(C_OUT)
    return found.eval()


def images() -> Tensor:
    return torch.randn(2, C_IN, 7, 7)


def test_a_parallel_adapter_is_a_1x1_convolution_beside_it() -> None:
    conv, x = learned("parallel-adapters"), images()
    matrix = conv.tensors()["weight"]
    assert matrix.shape == (C_OUT, C_IN, 1, 1)
    torch.testing.assert_close(conv(x), conv.conv(x) + F.conv2d(x, matrix, stride=STRIDE))


def test_a_series_adapter_comes_behind_it_and_a_batch_norm_of_its_own() -> None:
    conv, x = learned("series-adapters"), images()
    assert isinstance(conv, SeriesAdapter)
    z = conv.conv(x)
    torch.testing.assert_close(conv(x), z + F.conv2d(conv.norm(z), conv.tensors()["weight"]))


def test_dan_combines_the_filters() -> None:
    conv, x = learned("dan"), images()
    combined = torch.einsum("oc,cikl->oikl", conv.tensors()["weight"].flatten(1), conv.conv.weight)
    torch.testing.assert_close(conv(x), F.conv2d(x, combined, stride=STRIDE, padding=1))


def test_dan_starts_with_noise_on_the_diagonal_alone() -> None:
    torch.manual_seed(0)
    start = adapted("dan", convolution(), norm()).tensors()["weight"].flatten(1)
    assert torch.equal(start, start.diagonal().diag())
    assert 0 < (start.diagonal() - 1).abs().max() < 4 / C_OUT


@pytest.mark.parametrize("method", ["parallel-adapters", "series-adapters"])
def test_a_residual_adapter_adds_nothing_at_first(method: AdapterMethod) -> None:
    conv, x = adapted(method, convolution(), norm()), images()
    assert torch.equal(conv(x), conv.conv(x))


@pytest.mark.parametrize("method", ADAPTER_METHODS)
def test_it_merges_into_one_convolution(method: AdapterMethod) -> None:
    conv, x = learned(method), images()
    merged = conv.merged()
    assert type(merged) is nn.Conv2d
    torch.testing.assert_close(merged(x), conv(x))


@pytest.mark.parametrize("method", ADAPTER_METHODS)
def test_rates_mean_the_same_whatever_scale_the_weights_have(method: AdapterMethod) -> None:
    """A backbone whose filters, and the deviations behind them, are ten times as large."""
    plain, large = convolution(), convolution()
    large.weight.data.mul_(10)
    behind = norm()
    assert behind.running_var is not None
    one = adapted(method, plain, behind)
    behind.running_var = 100 * (behind.running_var + behind.eps) - behind.eps
    rescaled = adapted(method, large, behind)
    for conv in (one, rescaled):
        conv.weight.data.copy_(torch.linspace(-1, 1, conv.weight.numel()).view_as(conv.weight))
    x = images()
    torch.testing.assert_close(rescaled(x), 10 * one(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("method", ["series-adapters", "dan"])
def test_a_channel_that_the_backbone_switched_off_gives_nothing(method: AdapterMethod) -> None:
    weight = torch.ones(C_OUT)
    weight[2] = 0.0
    found = learned(method, weight).tensors()["weight"].flatten(1)
    off = torch.arange(C_OUT) != 2
    assert torch.equal(found[off, 2], torch.zeros(C_OUT - 1))
    assert (found[off][:, off] != 0).all()


def backbone(name: str = "mini26") -> Backbone:
    torch.manual_seed(0)
    return build_backbone(name)


def student(method: AdapterMethod, name: str = "mini26") -> Student:
    built = backbone(name)
    plan = full_plan(built.depth, 0)
    adapts = method != "dan"
    made = Student(built, plan=plan, classes=3, statistics="task", adapts=adapts, adapters=method)
    return adapted_looking(made).eval()


@pytest.mark.usefixtures("knows_tiny_bottleneck")
@pytest.mark.parametrize("name", ["mini26", tiny_bottleneck.NAME])
@pytest.mark.parametrize("method", ADAPTER_METHODS)
@torch.inference_mode()
def test_a_bundle_gives_the_same_network(method: AdapterMethod, name: str) -> None:
    trained = student(method, name)
    manifest = random_manifest(
        backbone=name, fingerprint=backbone(name).fingerprint(), plan=trained.plan, classes=3, method=method
    )
    bundle = decode(encode(manifest, trained.bundle_tensors()))
    again, x = Student.from_bundle(backbone(name), bundle), torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(again(x), trained(x), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(again.pruned(again.plan, backbone(name))(x), again(x))


@pytest.mark.parametrize("method", ADAPTER_METHODS)
@torch.inference_mode()
def test_a_block_folds_into_plain_convolutions(method: AdapterMethod) -> None:
    trained = student(method)
    manifest = random_manifest(fingerprint=backbone().fingerprint(), plan=trained.plan, classes=3, method=method)
    again = Student.from_bundle(backbone(), decode(encode(manifest, trained.bundle_tensors())))
    block, x = again.block(5), torch.randn(2, 32, 9, 9)
    plain = folded(block)
    assert not any(isinstance(module, AdaptedConvolution | nn.BatchNorm2d) for module in plain.modules())
    torch.testing.assert_close(plain(x), block(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("method", ADAPTER_METHODS)
def test_the_backbone_itself_is_not_trained(method: AdapterMethod) -> None:
    built = backbone()
    before = built.fingerprint()
    made = Student(built, plan=full_plan(12, 0), classes=3, statistics="task", adapts=True, adapters=method).train()
    optimizer = torch.optim.SGD(made.task_parameters(), lr=0.1)
    made(torch.randn(4, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    assert built.fingerprint() == before
    moved = [p for name, p in made.named_parameters() if name.endswith(("branch.0.weight", "branch.3.weight"))]
    assert len(moved) == 24
    assert all(float(p.detach().abs().sum()) > 0 for p in moved)
