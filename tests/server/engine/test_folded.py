import numpy as np
import pytest

from nettailor.bundle.manifest import Method, StatisticsMode
from server.engine.backbone import pack_shared
from server.engine.folded import fold_bundle, from_bytes, to_bytes
from server.kernels.device import CpuDevice
from tests.server.oracle import backbone, make_bundle


@pytest.mark.parametrize("statistics", ["task", "frozen"])
@pytest.mark.parametrize("name", ["mini26", "resnet50"])
def test_what_is_written_is_read_without_a_copy(name: str, statistics: StatisticsMode) -> None:
    folded = fold_bundle(make_bundle(name=name, statistics=statistics), pack_shared(backbone(name), CpuDevice()).norms)
    data = to_bytes(folded)
    again = from_bytes(data)
    assert (again.manifest, again.shapes) == (folded.manifest, folded.shapes)
    np.testing.assert_array_equal(again.flat, folded.flat)
    assert np.shares_memory(again.flat, data)


@pytest.mark.parametrize("method", ["finetuning", "piggyback"])
def test_networks_and_masks_are_read_as_they_were_written(method: Method) -> None:
    bundle = make_bundle(method=method)
    folded = fold_bundle(bundle, pack_shared(backbone(), CpuDevice()).norms)
    again = from_bytes(to_bytes(folded))
    assert again.flat.tobytes() == folded.flat.tobytes()
    for name, mask in bundle.tensors.items():
        if name.startswith("masks."):
            kept = again.arrays()[f"{name.removeprefix('masks.')}.mask"]
            assert kept.tobytes() == mask.tobytes()


def test_arrays_lie_on_cache_lines_and_never_overlap() -> None:
    folded = fold_bundle(make_bundle(classes=3), pack_shared(backbone(), CpuDevice()).norms)
    end = 0
    for _, shape, span in folded.spans():
        assert span.start % 16 == 0
        assert span.start >= end
        assert span.stop - span.start == np.prod(shape)
        end = span.stop
    assert end <= folded.flat.size


@pytest.mark.parametrize("spoil", [slice(0, 8), slice(8, 20), slice(100, 200)])
def test_spoilt_bytes_raise_what_residency_catches(spoil: slice) -> None:
    data = to_bytes(fold_bundle(make_bundle(), pack_shared(backbone(), CpuDevice()).norms))
    data[spoil] = 0xFF
    with pytest.raises((ValueError, LookupError, TypeError)):
        from_bytes(data)
