"""Networks that fill what a backbone leaves free: what learns, what is kept, and what a bundle gives again."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from nettailor.bundle.bundle import Bundle, decode, encode
from nettailor.errors import ChainLinkMissing, ChainOverlaps
from nettailor.network.folding import folded
from nettailor.network.packnet.convolution import PackedConvolution
from nettailor.network.packnet.student import PackedStudent, packed_network, what_is_there
from nettailor.network.whole_network import network_of
from tests.bundles import random_manifest
from tests.chains import link_bytes
from tests.server.oracle import backbone, fingerprint

X = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def filled(*, seed: int = 0, share: float = 0.5, chain: tuple[Bundle, ...] = ()) -> PackedStudent:
    """As training and pruning leave it."""
    student = PackedStudent(backbone(), classes=5, chain=chain)
    student.take_free()
    generator = torch.Generator().manual_seed(seed)
    for module in convolutions(student):
        module.own.data = 0.05 * torch.randn(module.own.shape, generator=generator)
    student.prune(share)
    return student.eval()


def convolutions(student: PackedStudent) -> list[PackedConvolution]:
    return [module for module in student.modules() if isinstance(module, PackedConvolution)]


def bundle_of(student: PackedStudent, task: str = "birds") -> Bundle:
    made = random_manifest(task=task, fingerprint=fingerprint(), method="packnet")
    predecessor = student.chain[-1].digest if student.chain else None
    manifest = made.model_copy(update={"owned": student.owned, "predecessor": predecessor})
    return replace(decode(encode(manifest, student.bundle_tensors())), chain=student.chain)


def logits(network: nn.Module) -> Tensor:
    with torch.inference_mode():
        found: Tensor = network(X)
    return found


def test_a_task_owns_nothing_at_first_and_computes_what_the_backbone_does() -> None:
    student = PackedStudent(backbone(), classes=5).eval()
    assert student.owned == 0
    with torch.inference_mode():
        torch.testing.assert_close(student.features(X), backbone()(X))
    tensors = student.bundle_tensors()
    assert "values" not in tensors
    assert network_of(backbone(), bundle_of(student)).owned == 0


def test_what_is_taken_is_what_is_free_and_a_share_of_it_stays_the_largest() -> None:
    student = PackedStudent(backbone(), classes=5)
    student.take_free()
    free = what_is_there(backbone(), []).free
    assert student.owned == sum(int(places.sum()) for places in free.values())
    for module in convolutions(student):
        nn.init.normal_(module.own, generator=torch.Generator().manual_seed(0))
    before = [module.own.detach().clone() for module in convolutions(student)]
    student.prune(0.25)
    for module, values in zip(convolutions(student), before, strict=True):
        assert int(module.owned.sum()) == round(0.25 * int(module.free.sum()))
        given_back = values[module.free & ~module.owned].abs()
        assert given_back.max() <= values[module.owned].abs().min()
        assert not module.own[~module.owned].any()


def test_no_step_of_training_moves_a_weight_of_another_owner() -> None:
    """Weight decay and momentum would, if they were held by their gradients alone."""
    first = bundle_of(filled())
    student = PackedStudent(backbone(), classes=5, chain=[first])
    student.take_free()
    weights = [module.weight.detach().clone() for module in convolutions(student)]
    statistics = {name: tensor.clone() for name, tensor in student.blocks.named_buffers() if "running" in name}
    learned = {name for name, p in student.named_parameters() if p.requires_grad}
    assert {name.rpartition(".")[2] for name in learned if name.startswith("blocks.")} == {"own"}
    optimizer = torch.optim.SGD(student.task_parameters(), lr=0.001, momentum=0.9, weight_decay=0.1)
    student.train()
    for _ in range(3):
        optimizer.zero_grad()
        student(X).square().sum().backward()
        optimizer.step()
    for module, before in zip(convolutions(student), weights, strict=True):
        torch.testing.assert_close(module.weight[~module.free], before[~module.free], rtol=0, atol=0)
        assert module.weight[module.free].any()
    assert all(torch.equal(dict(student.blocks.named_buffers())[name], kept) for name, kept in statistics.items())


def test_a_bundle_gives_the_network_again_and_its_inference_form() -> None:
    first = bundle_of(filled())
    student = filled(seed=1, chain=(first,))
    bundle = bundle_of(student, "dogs")
    again = network_of(backbone(), bundle)
    torch.testing.assert_close(logits(again), logits(student))
    block, inner = again.block(5), torch.randn(2, 32, 8, 8)
    with torch.inference_mode():
        torch.testing.assert_close(folded(block)(inner), block(inner), rtol=1e-4, atol=1e-4)
    assert bundle.size_bytes < 4 * student.owned + 1_462_272 // 8 + 30_000


def test_a_copy_computes_the_same_and_is_another_one() -> None:
    student = filled(seed=1, chain=(bundle_of(filled()),))
    copied = student.pruned(student.plan, backbone())
    torch.testing.assert_close(logits(copied), logits(student))
    copied.take_free()
    assert student.owned < copied.owned


def test_a_task_stands_on_the_weights_of_those_before_it_and_leaves_theirs() -> None:
    first = bundle_of(filled())
    second = filled(seed=1, chain=(first,))
    own = {name: mask for name, mask in bundle_of(second).tensors.items() if name.startswith("masks.")}
    assert not any((mask & first.tensors[name]).any() for name, mask in own.items())
    alone = filled(seed=1)
    assert not torch.allclose(logits(second), logits(alone))
    assert what_is_there(backbone(), [first]).free_share == pytest.approx(0.25, abs=0.01)


def test_weights_that_the_backbone_has_belong_to_no_task() -> None:
    taken = {name: ~places for name, places in what_is_there(backbone(), []).free.items()}
    bundle = decode(link_bytes("birds", free=taken, fingerprint=fingerprint()))
    with pytest.raises(ChainOverlaps, match="and to the backbone, too"):
        packed_network(backbone(), bundle)


def test_a_bundle_that_is_not_linked_is_refused() -> None:
    bundle = bundle_of(filled(seed=1, chain=(bundle_of(filled()),)))
    with pytest.raises(ChainLinkMissing):
        network_of(backbone(), replace(bundle, chain=()))
