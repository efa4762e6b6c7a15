"""Paths alone give what they give within a pass."""

import torch

from nettailor.bundle.tensors.ranges import ZERO_POINT
from server.engine.backbone import max_pool
from server.engine.int8.paths import proxy_run
from tests.server.int8_machine import needs_int8

pytestmark = needs_int8


def test_a_proxy_alone_adds_its_product() -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (2, 8, 8, 16), generator=random).float()
    weight = torch.randint(-127, 128, (16, 32), generator=random).float()
    weight[0] = 127.0  # so that a step is 1 in each column
    target = torch.ones(2, 4, 4, 32)
    proxy_run(x, target, [weight], 2)()
    expected = 1 + (max_pool(x, kernel=3, stride=2) - ZERO_POINT) @ weight
    assert torch.equal(target, expected)


def test_one_with_a_bottleneck_adds_that_of_what_is_above_zero() -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (1, 4, 4, 16), generator=random).float()
    first = torch.randint(-127, 128, (16, 16), generator=random).float()
    first[0] = 127.0
    second = torch.randn(16, 32, generator=random)
    target = torch.zeros(1, 4, 4, 32)
    proxy_run(x, target, [first, second], 1)()
    torch.testing.assert_close(target, ((x - ZERO_POINT) @ first).relu() @ second)
