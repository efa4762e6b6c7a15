import gc
import weakref

import pytest
from torch import Tensor

from server.engine.adapters import Adapter, Int8Node
from server.kernels.int8 import Int8Matrix
from tests.server.engine.int8.calibrated import calibrated, engine
from tests.server.int8_machine import needs_int8

pytestmark = needs_int8


@pytest.mark.parametrize("name", ["mini26", "resnet50"])
def test_all_memory_counts_beside_the_buffer(name: str) -> None:
    folded = engine(name).fold(calibrated("nettailor", 0, name))
    adapter = engine(name).upload(folded)
    assert isinstance(adapter, Adapter)
    assert adapter.int8 is not None
    buffer = adapter.head_weight.untyped_storage()
    begin, end = buffer.data_ptr(), buffer.data_ptr() + buffer.nbytes()
    own = [t for node in adapter.int8.values() for t in tensors(node) if not begin <= t.data_ptr() < end]
    matrices = [matrix.operands[0] for node in adapter.int8.values() for matrix in all_matrices(node)]
    expected = sum(t.untyped_storage().nbytes() for t in own) + sum(matrix.numel() for matrix in matrices)
    assert adapter.size_bytes == buffer.nbytes() + expected
    words = sum(array.nbytes for name, array in folded.arrays().items() if name.endswith(".int8"))
    in_memory_once = 2 * words > folded.size_bytes
    assert in_memory_once == (name == "mini26")
    assert buffer.nbytes() == folded.size_bytes - (words if in_memory_once else 0)


def test_nothing_of_the_bundle_stays_in_memory() -> None:
    folded = engine().fold(calibrated("nettailor", 0))
    flat = weakref.ref(folded.flat)
    adapter = engine().upload(folded)
    del folded
    gc.collect()
    assert flat() is None
    assert isinstance(adapter, Adapter)


def all_matrices(node: Int8Node) -> list[Int8Matrix]:
    return [matrix for matrix, _ in node.inner.values()] + ([] if node.matrix is None else [node.matrix])


def tensors(node: Int8Node) -> list[Tensor]:
    """But for the matrices, which are not in memory that has an address."""
    beside = [tensor for matrix in all_matrices(node) for tensor in matrix.operands[1:]]
    biases = [bias for _, bias in node.inner.values()]
    return [node.inverse, *beside, *biases, *([] if node.statistics is None else [node.statistics])]
