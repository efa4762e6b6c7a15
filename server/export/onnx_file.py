"""ONNX, written node by node: a dozen kinds of operators are all that the network has.

Legend: N images, S pixels a side, K classes.
"""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from server.export.batches import Logits, Pixels, in_batches
from server.export.libraries import library
from server.export.network import STEM, PrunedNetwork

INPUT, OUTPUT = "pixels", "logits"
_OPSET, _IR_VERSION = 17, 8  # of 2022: old enough for every runtime, new enough for all that is used here


def onnx_bytes(network: PrunedNetwork, *, side: int, metadata: Mapping[str, str]) -> bytes:
    """The file; equal networks give equal bytes. Raises `ExportLibraryMissing`."""
    onnx = library("onnx")
    helper, types = onnx.helper, onnx.TensorProto
    graph = _Graph(onnx)
    graph.network(network)
    classes = network.head.out_features
    made = helper.make_graph(
        graph.nodes,
        "nettailor",
        [helper.make_tensor_value_info(INPUT, types.UINT8, ["batch", side, side, 3])],
        [helper.make_tensor_value_info(OUTPUT, types.FLOAT, ["batch", classes])],
        graph.weights,
    )
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="nettailor",
    )
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def run_onnx(data: bytes, pixels: Pixels) -> Logits:
    """Logits (N, K) by ONNX Runtime, of pixels (N, S, S, 3). Raises `ExportLibraryMissing`."""
    session = library("onnxruntime").InferenceSession(data, providers=["CPUExecutionProvider"])
    return in_batches(lambda some: session.run([OUTPUT], {INPUT: some})[0], pixels)


class _Graph:
    """Operators in order, and the weights they name. Every method returns the name of what its operator computes."""

    def __init__(self, onnx: Any) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._onnx = onnx

    def network(self, network: PrunedNetwork) -> None:
        x = self._layers(network.stem, self._input(network))
        values, pools = {STEM: x}, dict[tuple[int, int], str]()
        for node in network.plan.nodes():
            own = network.node(node)
            terms = []
            if own.block is not None:
                before = values[own.before]
                terms += [self._shortcut(own.block.shortcut, own.block.alpha, before, network.dtype)]
                terms += [self._layers(own.block.branch, before)]
            for (source, stride), proxy in zip(own.sources, own.proxies, strict=True):
                if (source, stride) not in pools:
                    pools[source, stride] = self._pooled(values[source], stride)
                terms.append(self._layers(proxy, pools[source, stride]))
            values[node] = self._op("Relu", self._sum(terms))
        features = self._op("Flatten", self._op("GlobalAveragePool", values[network.plan.depth]))
        weights = (self._weight(network.head.weight), self._weight(network.head.bias))
        self._cast(self._op("Gemm", features, *weights, transB=1), torch.float32, name=OUTPUT)

    def _input(self, network: PrunedNetwork) -> str:
        x = self._op("Mul", self._cast(INPUT, torch.float32), self._weight(network.scale))
        x = self._op("Transpose", self._op("Sub", x, self._weight(network.shift)), perm=[0, 3, 1, 2])
        return x if network.dtype == torch.float32 else self._cast(x, network.dtype)

    def _shortcut(self, shortcut: nn.Module | None, alpha: float, x: str, dtype: torch.dtype) -> str:
        if shortcut is not None:
            return self._layers(shortcut, x)
        return x if alpha == 1 else self._op("Mul", x, self._weight(torch.tensor(alpha, dtype=dtype)))

    def _sum(self, terms: list[str]) -> str:
        total, *rest = terms
        for term in rest:
            total = self._op("Add", total, term)
        return total

    def _pooled(self, x: str, stride: int) -> str:
        return x if stride == 1 else self._max_pool(x, kernel=stride + 1, stride=stride)

    def _max_pool(self, x: str, *, kernel: int, stride: int) -> str:
        return self._op("MaxPool", x, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4)

    def _layers(self, layers: nn.Module, x: str) -> str:
        for layer in layers.children():
            x = self._layer(layer, x)
        return x

    def _layer(self, layer: nn.Module, x: str) -> str:
        if isinstance(layer, nn.Conv2d):
            assert layer.bias is not None
            weights = (self._weight(layer.weight), self._weight(layer.bias))
            pads = [int(layer.padding[0])] * 4
            return self._op("Conv", x, *weights, kernel_shape=layer.kernel_size, strides=layer.stride, pads=pads)
        if isinstance(layer, nn.ReLU):
            return self._op("Relu", x)
        if isinstance(layer, nn.MaxPool2d):
            return self._max_pool(x, kernel=cast(int, layer.kernel_size), stride=cast(int, layer.stride))
        assert isinstance(layer, nn.Identity), layer
        return x

    def _cast(self, x: str, dtype: torch.dtype, *, name: str | None = None) -> str:
        types = self._onnx.TensorProto
        return self._op("Cast", x, name=name, to=types.FLOAT if dtype == torch.float32 else types.FLOAT16)

    def _op(self, kind: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        output = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def _weight(self, values: Tensor) -> str:
        name = f"weight_{len(self.weights)}"
        self.weights.append(self._onnx.numpy_helper.from_array(values.detach().numpy(), name))
        return name
