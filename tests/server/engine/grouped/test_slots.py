import math
from typing import Any

import numpy as np
import pytest

from nettailor.architecture.geometry import backbone_names, geometry
from nettailor.architecture.plan import full_plan
from nettailor.bundle.manifest import ADAPTER_METHODS
from server.engine.adapters import Adapter
from server.engine.backbone import pack_shared
from server.engine.engine import Engine
from server.engine.grouped.layout import CLASSES, slot_layout
from server.engine.grouped.slots import Slots, SlottedAdapter
from server.kernels.device import CpuDevice
from server.kernels.grouped_product import ALIGNMENT, looped_product
from server.kernels.grouping import Grouping
from tests.server.oracle import backbone, make_bundle


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(backbone(), CpuDevice(grouping=Grouping(slots=2, product=looped_product)))


@pytest.mark.parametrize("name", backbone_names())
def test_regions_do_not_overlap_and_suit_the_kernel(name: str) -> None:
    layout = slot_layout(geometry(name))
    ends = 0
    for region in layout.regions.values():
        assert region.start >= ends
        assert region.start % ALIGNMENT == 0
        if len(region.shape) == 2:
            assert all(side % ALIGNMENT == 0 for side in region.shape)
            assert region.start >= layout.looked_up
        else:
            assert region.span.stop <= layout.looked_up
        ends = region.span.stop
    assert ends <= layout.width
    assert layout.width % ALIGNMENT == 0


def test_a_slot_is_free_again_once_its_task_has_gone(engine: Engine) -> None:
    first, second = (engine.pack(make_bundle(f"task{i}")) for i in range(2))
    assert isinstance(first, SlottedAdapter)
    assert isinstance(second, SlottedAdapter)
    assert first.slot.number != second.slot.number
    assert isinstance(engine.pack(make_bundle("third")), Adapter)
    number = first.slot.number
    del first
    third = engine.pack(make_bundle("third"))
    assert isinstance(third, SlottedAdapter)
    assert third.slot.number == number


@pytest.mark.parametrize(
    "options",
    [
        *({"method": method} for method in ADAPTER_METHODS),
        {"classes": CLASSES + 1},
        {"plan": full_plan(12, None)},
        {"method": "piggyback"},
    ],
    ids=str,
)
def test_what_a_slot_has_no_room_for_takes_none(engine: Engine, options: dict[str, Any]) -> None:
    assert not isinstance(engine.pack(make_bundle(**options)), SlottedAdapter)
    assert isinstance(engine.pack(make_bundle(classes=CLASSES)), SlottedAdapter)


def test_a_slot_is_overwritten_whole() -> None:
    """A plan with less than the last one's leaves nothing of it behind."""
    shapes, device = geometry("mini26"), CpuDevice()
    engine = Engine(backbone(), device)
    slots = Slots(pack_shared(backbone(), device), shapes, device, 1)
    small = engine.fold(make_bundle(seed=1))
    taken = slots.take(small)
    assert taken is not None
    assert taken.size_bytes == slots.size_bytes == 4 * slots.layout.width
    expected = slots.values.clone()
    del taken
    full = slots.take(engine.fold(make_bundle(plan=full_plan(12, 3))))
    assert full is not None
    assert np.count_nonzero(slots.values.numpy()) > np.count_nonzero(expected.numpy())
    del full
    assert slots.take(small) is not None
    np.testing.assert_array_equal(slots.values.numpy(), expected.numpy())
    assert math.prod(slots.values.shape) == slots.layout.width
