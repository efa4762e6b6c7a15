"""All containers, in the order in which they are tried."""

from trainer.intake.containers.arrays.cifar import Cifar
from trainer.intake.containers.arrays.idx import Idx
from trainer.intake.containers.arrays.npy import Npy
from trainer.intake.containers.arrays.npy_picture import NpyPicture
from trainer.intake.containers.arrays.npz import Npz
from trainer.intake.containers.container import Container
from trainer.intake.containers.nested_archives import NestedArchives
from trainer.intake.containers.parquet.image_parquet import ImageParquet

CONTAINERS: tuple[Container, ...] = (NestedArchives(), ImageParquet(), Npz(), Npy(), NpyPicture(), Idx(), Cifar())

SUFFIXES = tuple(suffix for container in CONTAINERS for suffix in container.suffixes)
