"""One path alone in 8 bits, as the mixed pass runs it among others: to be timed, or to be compiled in advance.

Legend: as in `server.engine.int8.mixed_pass`; C_p and C_l channels of nodes p and l, M of a bottleneck proxy's middle.
"""

from collections.abc import Callable

from torch import Tensor

from server.engine.backbone import ConvolutionBlock, SharedNetwork
from server.engine.int8.mixed_pass import operands_of, piece_length
from server.kernels.int8 import Int8Matrix, quantise_weight
from server.kernels.int8_scripts import add_products, block, classify, pool, product_relu, quantise


def run_block(shared: ConvolutionBlock, x: Tensor) -> Tensor:
    """With the quantising of x, which happens once, whoever reads it. Its values do not matter here, nor do its
    ranges."""
    length = piece_length(x)
    read, _ = quantise(x, [x.new_ones(1)], [len(x)], length, relu=False)
    operands, places = operands_of(shared, *x.shape[1:3])
    return block(
        x,
        read,
        [],
        [x.new_zeros(sum(shared.statistics_sizes))],
        [len(x)],
        sizes=shared.statistics_sizes,
        operands=operands,
        places=places,
        length=length,
        at=[],
        spans=[],
        biases=[],
    )


def warm_up_int8(network: SharedNetwork, x: Tensor) -> None:
    """Run every block once, from x_0 (N, H, W, C_0) on, and compile what passes run."""
    for shared in network.blocks:
        x = run_block(shared, x)
    add_products(x, [], sources=[], reads=[], weights=[], scales=[])
    classify(x, [], [], [])
    read, signed = quantise(x, [x.new_ones(1)], [len(x)], len(x), relu=True)
    pool(read, [], kernel=1, stride=1)
    matrix = _matrix(x.new_ones(x.shape[-1], 1))
    product_relu(signed, matrix.quantised, matrix.scale, x.new_zeros(1))


def proxy_run(x: Tensor, target: Tensor, weights: list[Tensor], ratio: int) -> Callable[[], Tensor]:
    """A_p^l of signed activations, whose biases would make up for the difference, added to the node's sum in place;
    x (N, H_p, W_p, C_p), target (N, H_l, W_l, C_l), `weights` (C_p, C_l) or, with a bottleneck, (C_p, M) and (M, C_l),
    the latter in float32."""
    matrix = _matrix(weights[0])
    rows = target.view(-1, target.shape[-1])
    bias = rows[0, : weights[0].shape[1]].clone()  # (M,) of a bottleneck proxy
    read, signed = quantise(x, [x.new_ones(1)], [len(x)], piece_length(x), relu=False)

    def run() -> Tensor:
        seen = pool(read, [], kernel=ratio + 1, stride=ratio)[1] if ratio > 1 else signed
        if len(weights) > 1:
            return rows.addmm_(product_relu(seen, matrix.quantised, matrix.scale, bias), weights[-1])
        spans, reads = [[0, len(rows)]], [[0, 0]]
        weight, scale = matrix.quantised, matrix.scale
        add_products(target, spans, sources=[seen], reads=reads, weights=[weight], scales=[scale])
        return target

    return run


def _matrix(weight: Tensor) -> Int8Matrix:
    """Of (K, C)."""
    quantised, scale = quantise_weight(weight.t())
    return Int8Matrix(quantised=quantised.t().contiguous(), scale=scale)
