"""An architecture like resnet50 with a 400th of its weights: bottlenecks behind its stem, with and without a
projection and a stride, for tests of how such blocks are computed."""

import contextlib
from collections.abc import Iterator
from unittest import mock

from nettailor.architecture import geometry
from nettailor.architecture.geometry import BlockGeometry, Geometry

NAME = "tiny20"
_WIDTHS = ((16, 8, 32, 1), (32, 8, 32, 1), (32, 16, 64, 2), (64, 16, 64, 1), (64, 32, 128, 2), (128, 32, 128, 1))
TINY = Geometry(
    name=NAME,
    stem_channels=16,
    stem_kernel=7,
    stem_stride=2,
    stem_pool=True,
    blocks=tuple(
        BlockGeometry(channels_in=inside, middle=middle, channels_out=out, stride=stride, bottleneck=True)
        for inside, middle, out, stride in _WIDTHS
    ),
)


@contextlib.contextmanager
def known() -> Iterator[None]:
    """As one of ours, to all of this process."""
    with mock.patch.dict(geometry._GEOMETRIES, {NAME: TINY}):
        yield
