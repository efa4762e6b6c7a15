"""An image as it was read."""

from dataclasses import dataclass

from PIL import Image

from nettailor.images.value_range import Span


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """An upright RGB image of `size` (width, height). `pixels` show it at 1 / `reduction`, from `origin` on: a side
    that is no multiple of the reduction is rounded up, and mirroring brings what that adds to the front.

    The pixels' numbers are those of the ICC `profile`; where it is empty, of sRGB.
    """

    pixels: Image.Image
    size: tuple[int, int]
    mode: str = "RGB"  # Pillow's word for what the file held
    reduction: int = 1
    origin: tuple[float, float] = (0.0, 0.0)
    profile: bytes = b""
    # drawn in white on a transparent ground: on the white one that it lies on here, nothing of it is seen
    vanishes: bool = False
    # what the file's samples lie between, where they have more than 8 bits and it does not say what that means
    span: Span | None = None
