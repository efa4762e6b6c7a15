"""An architecture for tests of what trainings do: mini26 with half of its blocks and channels."""

import contextlib
from collections.abc import Iterator
from unittest import mock

from nettailor.architecture import geometry
from nettailor.architecture.geometry import BlockGeometry, Geometry
from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from nettailor.network import backbones

NAME = "tiny14"
_WIDTHS = ((16, 16, 2), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1))  # in, out, stride
TINY = Geometry(
    name=NAME,
    stem_channels=16,
    stem_kernel=3,
    stem_stride=1,
    stem_pool=False,
    blocks=tuple(
        BlockGeometry(channels_in=inside, middle=out, channels_out=out, stride=stride, bottleneck=False)
        for inside, out, stride in _WIDTHS
    ),
)


@contextlib.contextmanager
def known() -> Iterator[None]:
    """As one of ours, to all of this process."""
    looks_at = Preprocessing(resize=16, crop=16, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    with (
        mock.patch.dict(geometry._GEOMETRIES, {NAME: TINY}),
        mock.patch.dict(backbones._PREPROCESSING, {NAME: looks_at}),
    ):
        yield
