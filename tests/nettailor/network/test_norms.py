"""Statistics that are learned are the frozen layer's own with other numbers."""

import torch
from torch import nn

from nettailor.network.norms import TaskNorm, running_statistics_kept, scaled

CHANNELS = 5


def frozen_norm() -> nn.BatchNorm2d:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(CHANNELS).eval().requires_grad_(False)
    with torch.no_grad():
        norm.weight.copy_(
            torch.tensor([1.0, -0.5, 0.0, 2.0, 0.1])
        )  # a weight of 0: whatever is learned changes nothing
        norm.bias.normal_()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
    return norm


def learned_norm(norm: nn.BatchNorm2d) -> TaskNorm:
    learned = TaskNorm(norm)
    with torch.no_grad():
        learned.log_gain.uniform_(-1, 1)
        learned.offset.uniform_(-1, 1)
    return learned


def test_at_first_it_is_the_frozen_layer() -> None:
    norm = frozen_norm()
    x = torch.randn(4, CHANNELS, 3, 3)
    for training in (False, True):
        own = TaskNorm(norm).train(training)
        assert torch.equal(own(x), norm.train(training)(x))
        norm.eval()


def test_a_frozen_layer_with_the_folded_statistics_gives_the_same() -> None:
    norm = frozen_norm()
    learned = learned_norm(norm).eval()
    x = torch.randn(4, CHANNELS, 3, 3)
    wanted = learned(x)
    mean, var = learned.folded_statistics()
    assert norm.running_mean is not None
    assert not torch.equal(mean, norm.running_mean)
    norm.running_mean, norm.running_var = mean, var
    assert torch.allclose(norm(x), wanted, atol=1e-5)
    assert torch.allclose(scaled(learned, x, torch.tensor(0.3)), 0.3 * wanted, atol=1e-6)


def test_gradients_reach_what_is_learned_and_nothing_of_the_backbone() -> None:
    norm = frozen_norm()
    learned = TaskNorm(norm).train()
    scaled(learned, torch.randn(4, CHANNELS, 3, 3), torch.tensor(0.5)).square().sum().backward()
    assert learned.log_gain.grad is not None
    assert learned.offset.grad is not None
    assert learned.weight is norm.weight
    assert norm.weight.grad is None


def test_running_statistics_can_be_kept_here_too() -> None:
    learned = TaskNorm(frozen_norm()).train()
    assert learned.running_mean is not None
    before = learned.running_mean.clone()
    x = torch.randn(4, CHANNELS, 3, 3)
    with running_statistics_kept(learned):
        kept = learned(x)
    assert torch.equal(learned.running_mean, before)
    assert torch.equal(learned(x), kept)
    assert not torch.equal(learned.running_mean, before)
