import copy

import pytest
import torch

from server.engine.engine import Engine
from server.errors import BackboneNotHere
from server.kernels.device import CpuDevice
from server.kernels.thread_lanes import ThreadLanes
from tests.server.int8_machine import needs_int8
from tests.server.oracle import backbone, fingerprint, make_bundle

pytestmark = needs_int8


def test_weights_that_were_changed_meanwhile_answer_for_nobody() -> None:
    other = copy.deepcopy(backbone())
    with torch.no_grad():
        next(other.parameters()).mul_(2)
    read = iter([other, backbone()])
    tested = Engine(backbone(), CpuDevice(lanes=ThreadLanes(1), int8=True), again=lambda: next(read))
    with pytest.raises(BackboneNotHere, match=f"a mini26 of fingerprint {fingerprint()}"):
        tested.pack(make_bundle())
    assert tested.pack(make_bundle()).backbone == fingerprint()  # once they are there again
