"""Which parameter is trained by what, at which rate, and that a state can be gone on from."""

import pytest
import torch
from torch import Tensor, nn

from nettailor.network.backbones import channels_last
from trainer.training.optimizers.optimizer import Optimizer
from trainer.training.schedule import Schedule

MUON = Schedule(epochs=1, lr=0.01, matrix_lr=0.1, warmup=0.0, weight_decay=0.0, alpha_lr=3.0, statistics_lr=0.5)


class Parts(nn.Module):
    """A parameter of every kind that a student has; `proxies.bias` is no matrix."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.proxies = nn.ModuleDict({"conv": nn.Conv2d(6, 4, 1)})
        self.alphas = nn.ParameterDict({"1": nn.Parameter(torch.zeros(2))})
        self.head = nn.Linear(3, 2)
        self.frozen = nn.Linear(2, 2).requires_grad_(False)
        self.block = nn.ParameterDict({"log_gain": nn.Parameter(torch.zeros(2))})


def step(network: nn.Module, optimizer: Optimizer, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimizer.zero_grad()
    for parameter in network.parameters():
        if parameter.requires_grad:
            assert parameter.grad is None
            parameter.grad = torch.randn(parameter.shape, generator=generator)
    optimizer.step(0.0)


def weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def test_every_kind_moves_at_its_own_rate() -> None:
    """The first step of Adam is as long as its rate; Muon's has that spectral norm, give or take a half."""
    network = channels_last(Parts())
    before = weights(network)
    step(network, Optimizer(network, MUON), seed=1)
    moved = {name: (after - before[name]).abs() for name, after in weights(network).items()}
    assert torch.allclose(moved["head.weight"], torch.tensor(0.01))
    assert torch.allclose(moved["proxies.conv.bias"], torch.tensor(0.01))
    assert torch.allclose(moved["alphas.1"], torch.tensor(0.03))
    assert torch.allclose(moved["block.log_gain"], torch.tensor(0.005))
    assert not moved["frozen.weight"].any()
    change = (weights(network)["proxies.conv.weight"] - before["proxies.conv.weight"]).flatten(1)
    lengths = torch.linalg.svdvals(change)
    assert 0.05 < lengths.min() <= lengths.max() < 0.15


def test_without_a_rate_for_matrices_all_is_sgd() -> None:
    network, plain = Parts(), Parts()
    schedule = Schedule(epochs=1, lr=0.1, warmup=0.0, weight_decay=0.0)
    reference = torch.optim.SGD([p for p in plain.parameters() if p.requires_grad], lr=0.1, momentum=0.9, nesterov=True)
    generator = torch.Generator().manual_seed(1)
    for parameter in plain.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
    reference.step()
    step(network, Optimizer(network, schedule), seed=1)
    same = {"proxies.conv.weight", "proxies.conv.bias", "alphas.1", "head.weight", "head.bias"}
    assert all(torch.equal(weights(network)[name], weights(plain)[name]) for name in same)


@pytest.mark.parametrize("schedule", [MUON, Schedule(epochs=1, lr=0.1)])
def test_a_state_that_was_kept_is_gone_on_from(schedule: Schedule) -> None:
    whole, broken = Parts(), Parts()
    first, second = Optimizer(whole, schedule), Optimizer(broken, schedule)
    for seed in (1, 2):
        step(whole, first, seed)
        step(broken, second, seed)
    resumed = Parts()
    third = Optimizer(resumed, schedule)
    resumed.load_state_dict(broken.state_dict())
    third.load_state_dict(second.state_dict())
    step(whole, first, 3)
    step(resumed, third, 3)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))
