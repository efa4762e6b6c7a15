"""The shapes of every backbone, in closed form and without torch: what a plan, a bundle or a cost refers to.

Node 0 is the stem's output, node l the output of block l, l = 1 ... L.
"""

from dataclasses import dataclass

from nettailor.errors import BackboneUnknown


@dataclass(frozen=True, kw_only=True)
class ConvolutionGeometry:
    """A convolution without bias and the side of its kernel."""

    channels_in: int
    channels_out: int
    kernel: int


@dataclass(frozen=True, kw_only=True)
class BlockGeometry:
    """One residual block G_l; `middle` are the channels between its convolutions."""

    channels_in: int
    middle: int
    channels_out: int
    stride: int
    bottleneck: bool

    @property
    def projected(self) -> bool:
        """Whether the shortcut is a 1x1 convolution with batch-norm (else the identity)."""
        return self.stride > 1 or self.channels_in != self.channels_out

    @property
    def branch(self) -> dict[str, ConvolutionGeometry]:
        """The convolutions of the branch in order, by their names inside `backbones.Block`."""
        layers = [(self.middle, 3), (self.channels_out, 3)]
        if self.bottleneck:
            layers = [(self.middle, 1), (self.middle, 3), (self.channels_out, 1)]
        convolutions, channels = {}, self.channels_in
        for index, (width, kernel) in enumerate(layers):
            name = f"branch.{3 * index}"
            convolutions[name] = ConvolutionGeometry(channels_in=channels, channels_out=width, kernel=kernel)
            channels = width
        return convolutions

    @property
    def adaptable(self) -> dict[str, ConvolutionGeometry]:
        """The convolutions of the branch that see more than one pixel, which the adapter methods adapt."""
        return {name: conv for name, conv in self.branch.items() if conv.kernel > 1}

    @property
    def norms(self) -> dict[str, int]:
        """Channels of each batch-norm layer, by its name inside `backbones.Block`."""
        norms = {f"branch.{3 * i + 1}": conv.channels_out for i, conv in enumerate(self.branch.values())}
        return norms | {"shortcut.1": self.channels_out} if self.projected else norms


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """A backbone's stem (a convolution, batch-norm, and perhaps a 3x3 max-pool of stride 2) and its blocks."""

    name: str
    stem_channels: int
    stem_kernel: int
    stem_stride: int  # of the convolution
    stem_pool: bool
    blocks: tuple[BlockGeometry, ...]

    @property
    def depth(self) -> int:
        """L."""
        return len(self.blocks)

    @property
    def bottleneck(self) -> bool:
        return self.blocks[0].bottleneck

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of node 0 ... L."""
        return (self.stem_channels, *(b.channels_out for b in self.blocks))

    @property
    def strides(self) -> tuple[int, ...]:
        """Total stride of node 0 ... L."""
        strides = [self.stem_stride * (2 if self.stem_pool else 1)]
        for block in self.blocks:
            strides.append(strides[-1] * block.stride)
        return tuple(strides)

    def side(self, node: int, image_side: int) -> int:
        """Height and width of a node for square images of `image_side` pixels."""
        return -(-image_side // self.strides[node])

    def proxy_channels(self, source: int, node: int) -> tuple[int, ...]:
        """Channels through the proxy A_source^node: (in, out), or (in, middle, out) on bottleneck backbones."""
        c_in, c_out = self.channels[source], self.channels[node]
        return (c_in, max(c_out // 32, 16), c_out) if self.bottleneck else (c_in, c_out)


def _stages(channels_in: int, widths: list[int], counts: list[int], *, first: int, expand: int) -> list[BlockGeometry]:
    blocks = []
    for stage, (width, count) in enumerate(zip(widths, counts, strict=True)):
        for index in range(count):
            stride = (first if stage == 0 else 2) if index == 0 else 1
            blocks.append(
                BlockGeometry(
                    channels_in=channels_in,
                    middle=width,
                    channels_out=width * expand,
                    stride=stride,
                    bottleneck=expand > 1,
                )
            )
            channels_in = width * expand
    return blocks


def _torchvision(name: str, counts: list[int], expand: int) -> Geometry:
    blocks = _stages(64, [64, 128, 256, 512], counts, first=1, expand=expand)
    return Geometry(name=name, stem_channels=64, stem_kernel=7, stem_stride=2, stem_pool=True, blocks=tuple(blocks))


def _decathlon(name: str, width: int) -> Geometry:
    stem = width // 2
    blocks = _stages(stem, [width, 2 * width, 4 * width], [4, 4, 4], first=2, expand=1)
    return Geometry(name=name, stem_channels=stem, stem_kernel=3, stem_stride=1, stem_pool=False, blocks=tuple(blocks))


_GEOMETRIES = {
    g.name: g
    for g in (
        _torchvision("resnet18", [2, 2, 2, 2], 1),
        _torchvision("resnet34", [3, 4, 6, 3], 1),
        _torchvision("resnet50", [3, 4, 6, 3], 4),
        _decathlon("wide_resnet26", 64),
        _decathlon("mini26", 32),
        _decathlon("mini26b", 32),  # other weights, under a name of their own
    )
}


# torchvision downloads these on demand; the others' weights are shipped in the package, or a local file
PUBLISHED_WEIGHTS = frozenset({"resnet18", "resnet34", "resnet50"})


def backbone_names() -> list[str]:
    """Every backbone there is."""
    return list(_GEOMETRIES)


def geometry(name: str) -> Geometry:
    """The shapes of a backbone. Raises `BackboneUnknown`."""
    if name not in _GEOMETRIES:
        raise BackboneUnknown(name, backbone_names())
    return _GEOMETRIES[name]
