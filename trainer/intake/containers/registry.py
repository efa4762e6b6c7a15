"""All containers, in the order in which they are tried."""

from trainer.intake.containers.container import Container
from trainer.intake.containers.nested_archives import NestedArchives

CONTAINERS: tuple[Container, ...] = (NestedArchives(),)

SUFFIXES = tuple(suffix for container in CONTAINERS for suffix in container.suffixes)
