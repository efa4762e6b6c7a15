"""Masks beside the images that they belong to: they are no images of a class."""

import re
from collections.abc import Mapping

from trainer.intake.archives.paths import Parts
from trainer.intake.layouts.split_words import is_kind_of_file, is_picture_folder
from trainer.intake.placement import Placement

_NAME = re.compile(r"^(.+?)[ _-](?:mask|masks|seg|segmentation|gt|groundtruth|label)(?:[ _-]?\d{1,3})?$", re.IGNORECASE)


def masks_of(places: Mapping[Parts, Placement | str]) -> list[Parts]:
    """``1_mask.png`` beside ``1.png``, and all images in ``cats/masks`` beside ``cats/images``, unless such a folder is
    taken for a class itself."""
    stems = {(parts[:-1], _stem(parts)) for parts in places}
    pictures = {parts[:-2] for parts in places if len(parts) > 1 and is_picture_folder(parts[-2])}
    return [
        parts
        for parts, place in places.items()
        if isinstance(place, Placement)
        and (_is_named(parts, stems) or (place.label != parts[-2] and _is_in_folder(parts, pictures)))
    ]


def _stem(parts: Parts) -> str:
    return parts[-1].rpartition(".")[0]


def _is_named(parts: Parts, stems: set[tuple[Parts, str]]) -> bool:
    found = _NAME.match(_stem(parts))
    return found is not None and (parts[:-1], found[1]) in stems


def _is_in_folder(parts: Parts, pictures: set[Parts]) -> bool:
    return parts[:-2] in pictures and is_kind_of_file(parts[-2]) and not is_picture_folder(parts[-2])
