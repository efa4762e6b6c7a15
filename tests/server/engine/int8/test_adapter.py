import pytest
import torch
from torch import Tensor

from server.engine.adapters import Adapter, Int8Node
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
    tensors = [t for node in adapter.int8.values() for t in every(node)]
    beside = [t for t in tensors if not begin <= t.data_ptr() < end]
    assert adapter.size_bytes == buffer.nbytes() + sum(t.untyped_storage().nbytes() for t in beside)
    assert all(t.dtype != torch.int8 for t in beside)
    assert buffer.nbytes() == folded.size_bytes


def every(node: Int8Node) -> list[Tensor]:
    matrices = [matrix for matrix, _ in node.inner.values()] + ([] if node.matrix is None else [node.matrix])
    own = [tensor for matrix in matrices for tensor in (matrix.quantised, matrix.scale)]
    biases = [bias for _, bias in node.inner.values()]
    return [node.inverse, *own, *biases, *([] if node.statistics is None else [node.statistics])]
