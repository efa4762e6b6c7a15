"""Files that a decoder refused, without what is not needed to show their picture.

Runs on strangers' bytes, after a decoder failed on them: everything here takes time and memory in proportion to the
file, and decodes no pixel.
"""

from dataclasses import dataclass

from nettailor.images.containers import container_of
from nettailor.images.mending import jpeg, png


@dataclass(frozen=True, kw_only=True)
class Mended:
    """A file to try instead. If its end was made up, it is a whole picture only if each of the `other_endings` gives
    the same pixels: then none of them comes from what is missing."""

    data: bytes
    other_endings: tuple[bytes, ...] = ()


def mended(data: bytes) -> Mended | None:
    """None where nothing can be done."""
    match container_of(data):
        case "PNG":
            found = png.without_extras(data)
            return None if found is None else Mended(data=found)
        case "JPEG":
            endings = jpeg.mended(data)
            return Mended(data=endings[0], other_endings=tuple(endings[1:])) if endings else None
    return None
