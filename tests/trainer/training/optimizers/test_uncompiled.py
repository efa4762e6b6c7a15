"""Optimizers without PyTorch's compiler move as PyTorch's own do, and do not import it."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainer.training.optimizers.uncompiled import LBFGS, SGD, Adam

Make = Callable[..., torch.optim.Optimizer]

PAIRS: list[tuple[Make, Make, dict[str, Any]]] = [
    (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (Adam, torch.optim.Adam, {"lr": 0.1, "betas": (0.9, 0.99), "fused": True}),
    (LBFGS, torch.optim.LBFGS, {"line_search_fn": "strong_wolfe"}),
]


def moved(make: Make, options: dict[str, Any]) -> list[Tensor]:
    """A layer's parameters after a step, after the state is kept and taken up, and after two steps more."""
    torch.manual_seed(0)
    layer, x = nn.Linear(3, 2), torch.randn(5, 3)
    optimizer = make(layer.parameters(), **options)

    def loss() -> float:
        optimizer.zero_grad()
        assert all(p.grad is None for p in layer.parameters())
        value = layer(x).square().sum()
        value.backward()
        return float(value.detach())

    found = []
    for _ in range(3):
        optimizer.step(loss) if isinstance(optimizer, torch.optim.LBFGS) else (loss(), optimizer.step())
        found += [p.detach().clone() for p in layer.parameters()]
        state = optimizer.state_dict()
        optimizer = make(layer.parameters(), **options)
        optimizer.load_state_dict(state)
    return found


@pytest.mark.parametrize(("ours", "theirs", "options"), PAIRS)
def test_it_moves_as_the_original(ours: Make, theirs: Make, options: dict[str, Any]) -> None:
    pairs = zip(moved(ours, options), moved(theirs, options), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(("make", "options"), [(ours, options) for ours, _, options in PAIRS])
def test_no_compiler_is_imported(make: Make, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # whoever imports it fails
    with pytest.raises(ImportError):
        import_module("torch._dynamo")
    assert moved(make, options)
