"""Muon of many small matrices together, held against PyTorch's of one after the other."""

import pytest
import torch
from torch import nn

from trainer.training.optimizers.muon import Muon, orthogonalised

SHAPES = [(6, 4), (4, 6), (5, 5), (6, 4)]


def parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(rows, columns, 1, 1)) for rows, columns in SHAPES]


def test_steps_are_those_of_pytorch_but_for_its_rounding() -> None:
    ours, theirs = parameters(), [nn.Parameter(p.detach().flatten(1)) for p in parameters()]
    muon = Muon(ours, weight_decay=0.1)
    reference = torch.optim.Muon(theirs, lr=0.1, weight_decay=0.1, momentum=0.9)
    for seed in range(3):
        torch.manual_seed(seed)
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape)
            other.grad = mine.grad.flatten(1).clone()
        muon.step(0.1)
        reference.step()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.flatten(1), other, atol=0.01, rtol=0)


@pytest.mark.parametrize("shape", [(3, 6, 4), (2, 4, 6), (1, 5, 5)])
def test_directions_are_kept_and_made_equally_long(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    lengths = u.mT @ orthogonalised(matrices) @ v.mT
    diagonal = lengths.diagonal(dim1=1, dim2=2)
    assert ((diagonal > 0.5) & (diagonal < 1.5)).all()
    torch.testing.assert_close(lengths, torch.diag_embed(diagonal), atol=1e-4, rtol=0)


def test_a_matrix_without_a_gradient_only_decays() -> None:
    (parameter, *_) = parameters()
    before = parameter.detach().clone()
    Muon([parameter], weight_decay=0.5).step(0.1)
    torch.testing.assert_close(parameter.detach(), 0.95 * before)
