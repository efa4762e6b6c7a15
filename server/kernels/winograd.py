"""3x3 convolutions by minimal filtering: a third of the multiplications, as matrix products at oneDNN's rate.

F(m x m, 3 x 3) gets a tile of m x m results from n x n inputs, n = m + 2, with n^2 products over the channels where the
definition needs 9 m^2 (Lavin and Gray, CVPR 2016): Y = A^T [(G g G^T) * (B^T d B)] A, here with the two one-dimensional
transforms of each side in one matrix. The matrices are those of Cook and Toom for interpolation points of small size.

Legend: N images, C channels in, K out, H W, T tiles of all images, P = n^2 products.
"""

import math
from fractions import Fraction
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from server.kernels.convolution import OneDnnKernel

TILES = (3, 4, 5)  # m; smaller ones save too little, larger ones lose too many digits
_POINTS = tuple(map(Fraction, ("0", "1", "-1", "2", "-2", "1/2")))
_MOST_ROWS = 60  # of a product: oneDNN wants weights laid out differently from 64 on, and copies them every time

Matrix = list[list[Fraction]]


@cache
def transforms(tile: int) -> tuple[Tensor, Tensor, Tensor]:
    """A^T (m, n), G (n, 3) and B^T (n, n) in float64, for tiles of `tile` = m results."""
    points = _POINTS[: tile + 1]
    outputs: Matrix = [[p**i for p in points] + [Fraction(i == tile - 1)] for i in range(tile)]
    kernel: Matrix = [[p**j / _distance(points, i) for j in range(3)] for i, p in enumerate(points)]
    kernel.append([Fraction(0), Fraction(0), Fraction(1)])
    inputs: Matrix = [[*_product(points[:i] + points[i + 1 :]), Fraction(0)] for i in range(len(points))]
    inputs.append(_product(points))
    first, second, third = (
        torch.tensor([list(map(float, row)) for row in m], dtype=torch.float64) for m in (outputs, kernel, inputs)
    )
    return first, second, third


def _distance(points: tuple[Fraction, ...], i: int) -> Fraction:
    """The product of the differences between point i and every other one."""
    result = Fraction(1)
    for other in points[:i] + points[i + 1 :]:
        result *= points[i] - other
    return result


def _product(roots: tuple[Fraction, ...]) -> list[Fraction]:
    """The coefficients, lowest first, of the polynomial with these roots."""
    result = [Fraction(1)]
    for root in roots:
        result = [low - root * high for low, high in zip([Fraction(0), *result], [*result, Fraction(0)], strict=True)]
    return result


class WinogradKernel:
    """A 3x3 convolution of stride 1 and padding 1 in fp32; `weight` (K, C, 3, 3), `tile` = m.

    Its products run as one 1x1 convolution of P groups. Takes P / 9 times the memory of the plain weights.
    """

    def __init__(self, weight: Tensor, *, tile: int) -> None:
        self._tile, self._side = tile, tile + 2
        self._outputs, self._inputs = _on_both_axes(tile)
        _, kernel, _ = transforms(tile)
        self._channels = weight.shape[0]
        products = self._side**2
        # Every product's matrix is rounded to fp32 once, from float64.
        weights = torch.einsum("ai,bj,ocij->aboc", kernel, kernel, weight.double()).float()
        self._products = OneDnnKernel(
            weights.reshape(products * weight.shape[0], weight.shape[1], 1, 1),
            stride=1,
            padding=0,
            groups=products,
            like=(1, 16, 1),
        )

    @property
    def size_bytes(self) -> int:
        return self._products.size_bytes

    @property
    def addresses(self) -> tuple[int, ...]:
        return self._products.addresses

    def __call__(self, x: Tensor, bias: Tensor | None, *, relu: bool = False, add: Tensor | None = None) -> Tensor:
        images, _, height, width = x.shape
        down, right = -(-height // self._tile), -(-width // self._tile)
        tiles = self._cut(x, down, right)
        products = self._multiply(torch.matmul(self._inputs, tiles))[: images * down * right]
        y = torch.matmul(self._outputs, products)  # (T, m m, K)
        y = y.view(images, down, right, self._tile, self._tile, -1).transpose(2, 3)
        y = y.reshape(images, down * self._tile, right * self._tile, -1)[:, :height, :width].contiguous()
        return _finished(y.permute(0, 3, 1, 2), bias, relu=relu, add=add)

    def _cut(self, x: Tensor, down: int, right: int) -> Tensor:
        """The overlapping n x n tiles of x (N, C, H, W): (T or a few empty ones more, P, C)."""
        images, channels, height, width = x.shape
        below, beside = down * self._tile + 1 - height, right * self._tile + 1 - width
        padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, beside, 1, below)).contiguous()
        of_image, of_row, of_column, _ = padded.stride()
        places = (of_image, self._tile * of_row, self._tile * of_column, of_row, of_column, 1)
        shape = (images, down, right, self._side, self._side, channels)
        tiles = images * down * right
        result = x.new_empty(math.prod(_pieces(tiles)), self._side**2, channels)
        result[:tiles].view(shape).copy_(padded.as_strided(shape, places))
        result[tiles:].zero_()
        return result

    def _multiply(self, tiles: Tensor) -> Tensor:
        """(T, P, C) -> (T, P, K), each of the P with its own matrix."""
        pieces, length = _pieces(len(tiles))
        x = tiles.view(pieces, length, 1, -1).permute(0, 3, 1, 2)
        y = self._products(x, None)
        return y.permute(0, 2, 3, 1).reshape(len(tiles), self._side**2, self._channels)


@cache
def _on_both_axes(tile: int) -> tuple[Tensor, Tensor]:
    """A^T (m m, n n) and B^T (n n, n n) of a tile's rows and columns at once, in fp32."""
    outputs, _, inputs = transforms(tile)
    return torch.kron(outputs, outputs).float(), torch.kron(inputs, inputs).float()


def _pieces(rows: int) -> tuple[int, int]:
    """How many pieces of which length a product over so many rows is cut into; together they may be a bit more."""
    pieces = -(-rows // _MOST_ROWS)
    return pieces, -(-rows // pieces)


def _finished(y: Tensor, bias: Tensor | None, *, relu: bool, add: Tensor | None) -> Tensor:
    if bias is not None:
        y += bias.view(-1, 1, 1)
    if add is not None:
        y += add
    return y.relu_() if relu else y
