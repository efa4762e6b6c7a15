"""Masks over frozen weights: what they let through, how they are learned, and that a bundle has all of them."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nettailor.bundle.bundle import decode, encode
from nettailor.network.folding import folded
from nettailor.network.masked import START, THRESHOLD, MaskedConvolution, MaskedStudent
from nettailor.network.student import Student
from nettailor.network.whole_network import network_of
from tests.bundles import random_manifest
from tests.nettailor.network.students import adapted_looking
from tests.server.oracle import backbone, fingerprint


@pytest.fixture
def conv() -> MaskedConvolution:
    torch.manual_seed(0)
    inner = nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False).requires_grad_(False)
    return MaskedConvolution(inner)


def test_every_weight_is_kept_at_first(conv: MaskedConvolution) -> None:
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(conv(x), conv.conv(x))


def test_a_score_at_the_threshold_leaves_its_weight_out(conv: MaskedConvolution) -> None:
    with torch.no_grad():
        conv.scores[0] = THRESHOLD
        conv.scores[1] = THRESHOLD * (1 + 1e-6)
    x = torch.randn(2, 3, 8, 8)
    assert not conv(x)[:, 0].any()
    torch.testing.assert_close(conv(x)[:, 1:], conv.conv(x)[:, 1:])


def test_the_gradient_of_a_score_is_that_of_its_mask_whether_it_is_kept_or_not(conv: MaskedConvolution) -> None:
    with torch.no_grad():
        conv.scores.copy_(torch.where(torch.rand_like(conv.scores) > 0.5, START, 0.0))
    x = torch.randn(2, 3, 8, 8)
    conv(x).square().sum().backward()
    masked = (conv.conv.weight * (conv.scores > THRESHOLD)).detach().requires_grad_()
    F.conv2d(x, masked, stride=2, padding=1).square().sum().backward()
    assert masked.grad is not None
    torch.testing.assert_close(conv.scores.grad, masked.grad * conv.conv.weight)
    assert conv.conv.weight.grad is None


def looking_trained(seed: int = 0) -> MaskedStudent:
    student = MaskedStudent(backbone(), classes=5, adapts=True)
    generator = torch.Generator().manual_seed(seed)
    for module in student.blocks.modules():
        if isinstance(module, MaskedConvolution):
            module.scores.data = 2 * THRESHOLD * torch.rand(module.scores.shape, generator=generator)
    adapted_looking(student, seed)
    return student.eval()


def test_of_the_blocks_masks_and_batch_norm_are_learned() -> None:
    learned = [name for name, p in looking_trained().blocks.named_parameters() if p.requires_grad]
    assert {name.rpartition(".")[2] for name in learned} == {"scores", "log_gain", "offset"}


def test_a_bundle_gives_the_network_again_and_its_inference_form() -> None:
    student = looking_trained()
    manifest = random_manifest(method="piggyback", fingerprint=fingerprint())
    again = network_of(backbone(), decode(encode(manifest, student.bundle_tensors())))
    x = torch.randn(2, 3, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(again(x), student(x), rtol=1e-4, atol=1e-4)
        block, inner = again.block(5), torch.randn(2, 32, 8, 8)
        torch.testing.assert_close(folded(block)(inner), block(inner), rtol=1e-4, atol=1e-4)


def test_a_copy_computes_the_same() -> None:
    student, x = looking_trained(1), torch.randn(2, 3, 16, 16)
    copied: Student = student.pruned(student.plan, backbone())
    with torch.inference_mode():
        torch.testing.assert_close(copied(x), student(x))
