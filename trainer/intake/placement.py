"""Classes and splits: where an image of an upload belongs."""

from dataclasses import dataclass
from typing import Literal, get_args

Split = Literal["train", "val", "test"]

SPLITS: tuple[Split, ...] = get_args(Split)
MAX_CLASS_CHARACTERS = 256  # what a bundle's manifest can name


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The class of an image; ``split`` is None where the upload does not say."""

    label: str
    split: Split | None = None
