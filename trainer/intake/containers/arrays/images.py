"""What the containers of arrays have in common: images out of an array, and why there are none."""

from collections.abc import Callable, Iterator

from trainer.intake.archives.archive import Member
from trainer.intake.archives.paths import Parts
from trainer.intake.archives.tar import Stream
from trainer.intake.arrays.header import ArrayUnreadable
from trainer.intake.arrays.image_array import Extent, ImageArray, image_name, scale_of
from trainer.intake.containers.container import Content
from trainer.intake.findings import Finding


def images_of(
    path: str,
    array: ImageArray,
    open_numbers: Callable[[], Stream],
    *,
    extent: Extent | None = None,
    folder: Parts = (),
) -> Iterator[Member | Finding]:
    """The images of an array, and what is odd about them. ``path`` is that of its file in the upload.

    ``open_numbers`` opens the array at its first number; ``extent`` is that of all arrays that belong together.
    """
    try:
        scale = scale_of(array.extent(open_numbers()) if extent is None else extent)
        for number, data in enumerate(array.pngs(open_numbers(), scale)):
            name = image_name(number)
            yield Member(parts=(*folder, name), size_bytes=len(data), source=Content(name=name, data=data))
    except ArrayUnreadable as fault:
        yield unreadable(path, fault)
        return
    if scale.note:
        yield Finding(weight="warning" if scale.is_odd else "note", text=f"{path}: {scale.note}.", files=(path,))


def unreadable(path: str, fault: ArrayUnreadable) -> Finding:
    return Finding(weight="error", text=f"{path} cannot be read: {fault}.", files=(path,))
