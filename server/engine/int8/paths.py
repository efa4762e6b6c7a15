"""One path alone in 8 bits, as the mixed pass runs it among others: to be timed, or to be compiled in advance.

Legend: as in `server.engine.int8.mixed_pass`; C_p and C_l channels of nodes p and l, M of a bottleneck proxy's middle.
"""

from collections.abc import Callable

from torch import Tensor

from server.engine.backbone import ConvolutionBlock, SharedNetwork
from server.engine.int8.mixed_pass import operands_of, piece_length
from server.kernels.int8 import Int8Matrix, quantise_weight
from server.kernels.int8_scripts import add_products, max_pool_bytes, product_relu, quantise_rows, residual, signed


def quantise(x: Tensor) -> Tensor:
    """What paths read of an activation; its values do not matter here, nor do its ranges."""
    return quantise_rows(x, x.new_ones(1, 1, 1, 1), piece_length(x))


def run_block(block: ConvolutionBlock, x: Tensor) -> Tensor:
    """With the quantising of x, which happens once, whoever reads it."""
    read = quantise(x)
    operands, places = operands_of(block, *x.shape[1:3])
    return residual(
        read,
        x if block.shortcut is None else read,
        statistics=x.new_zeros(1, 1, 1, sum(block.statistics_sizes)),
        sizes=block.statistics_sizes,
        operands=operands,
        places=places,
        length=piece_length(x),
    )


def warm_up_int8(network: SharedNetwork, x: Tensor) -> None:
    """Run every block once, from x_0 (N, H, W, C_0) on, and compile what passes run."""
    for block in network.blocks:
        x = run_block(block, x)
    add_products(x, [], [], [], [])


def proxy_run(x: Tensor, target: Tensor, weights: list[Tensor], ratio: int) -> Callable[[], Tensor]:
    """A_p^l of signed activations, whose biases would make up for the difference, added to the node's sum in place;
    x (N, H_p, W_p, C_p), target (N, H_l, W_l, C_l), `weights` (C_p, C_l) or, with a bottleneck, (C_p, M) and (M, C_l),
    the latter in float32."""
    matrix = _matrix(weights[0])
    rows = target.view(-1, target.shape[-1])
    bias = rows[0, : weights[0].shape[1]].clone()  # (M,) of a bottleneck proxy
    read = quantise(x)

    def run() -> Tensor:
        seen = signed(max_pool_bytes(read, kernel=ratio + 1, stride=ratio) if ratio > 1 else read)
        pixels = seen.view(-1, seen.shape[-1])
        if len(weights) > 1:
            return rows.addmm_(product_relu(pixels, matrix.quantised, matrix.scale, bias), weights[-1])
        add_products(target, [0], [[pixels]], [matrix.quantised], [matrix.scale])
        return target

    return run


def _matrix(weight: Tensor) -> Int8Matrix:
    """Of (K, C)."""
    quantised, scale = quantise_weight(weight.t())
    return Int8Matrix(quantised=quantised.t().contiguous(), scale=scale)
