"""From a path as people and tools write it to an image of the upload."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import takewhile
from urllib.parse import unquote

from nettailor.normal_form import nfc
from trainer.intake.archives.formats import is_image_name
from trainer.intake.archives.paths import Parts
from trainer.intake.layouts.split_words import split_of
from trainer.intake.upload import Upload

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]{1,15}://", re.IGNORECASE)
_ENDS = 4  # parts of a path that are compared where fewer are ambiguous

# the end of a path, case aside -> the one image that ends so; None for several
_Index = dict[str, Parts | None]


class ImageFinder:
    """Finds images by paths that are relative to a document's folder, to the upload, or to a place elsewhere.

    A path from elsewhere (``/content/data/cats/1.jpg``, ``gs://bucket/1.jpg``) is an image if its end is that of one
    image only, in the document's folder, the one around it or the upload, and if no folder that is lost on the way
    speaks against it. The suffix may be missing.
    """

    def __init__(self, images: Sequence[Parts]) -> None:
        """``images`` are sorted."""
        self._images = images
        self._exact = set(images)
        self._folders = {folder.casefold() for parts in images for folder in parts[:-1]}
        self._indexes: dict[tuple[Parts, int, bool], _Index] = {}

    def __call__(self, path: str, folder: Parts = ()) -> Parts | None:
        """``folder`` is that of the document which names the image."""
        found = (self._find(text, folder) for text in _readings(path))
        return next((image for image in found if image is not None), None)

    def shared_name(self, path: str, folder: Parts = ()) -> str | None:
        """The name, as `names_of` has it, that a path ends in which is no image's alone and the end of several."""
        if self(path, folder) is not None:
            return None
        several = (parts for parts in map(_written, _readings(path)) if parts and self._is_end_of_several(parts))
        return next((_key(parts[-1:]) for parts in several), None)

    def _is_end_of_several(self, parts: Parts) -> bool:
        """Whether as much of its end as any image has is that of several, and folders before it are no other ones of
        the upload, and no splits."""
        is_stem, counts = not is_image_name(parts[-1]), range(1, min(len(parts), _ENDS) + 1)
        found = [self._index((), count, is_stem=is_stem).get(_key(parts[-count:]), ()) for count in counts]
        known = list(takewhile(lambda image: image is None, found))
        lost = parts[: -len(known)] if known else parts
        is_elsewhere = not any(folder.casefold() in self._folders or split_of(folder) for folder in lost)
        return bool(known) and not any(found[len(known) :]) and is_elsewhere

    def _find(self, path: str, folder: Parts) -> Parts | None:
        parts = _written(path)
        if not parts:
            return None
        for candidate in (folder + parts, parts):
            if candidate in self._exact:
                return candidate
        for around in sorted({folder, folder[:-1], ()}, key=len, reverse=True):
            found = self._in_folder(around, parts)
            if found is not None:
                return found
        return None

    def _in_folder(self, folder: Parts, parts: Parts) -> Parts | None:
        """The one image below a folder that ends as the path does."""
        is_stem = not is_image_name(parts[-1])
        for count in range(1, min(len(parts), _ENDS) + 1):
            index = self._index(folder, count, is_stem=is_stem)
            end = _key(parts[-count:])
            if end not in index:
                return None
            found = index[end]
            if found is not None:
                return None if self._speaks_against(parts[:-count], found) else found
        return None

    def _speaks_against(self, lost: Parts, image: Parts) -> bool:
        """Whether a folder that a path names is in the upload, but not around this image, or is another split."""
        around = {folder.casefold() for folder in image[:-1]}
        if any(name in self._folders and name not in around for name in map(str.casefold, lost)):
            return True
        splits = {split for folder in lost if (split := split_of(folder)) is not None}
        given = {split for folder in image[:-1] if (split := split_of(folder)) is not None}
        return bool(splits and given and splits.isdisjoint(given))

    def _index(self, folder: Parts, count: int, *, is_stem: bool) -> _Index:
        """The images below a folder by the last ``count`` parts of their paths, with or without the suffix."""
        key = (folder, count, is_stem)
        if key not in self._indexes:
            index: _Index = {}
            for image in self._below(folder):
                if len(image) - len(folder) >= count:
                    end = _key(image[-count:])
                    end = end.rpartition(".")[0] if is_stem and is_image_name(end) else end
                    if index.setdefault(end, image) != image:
                        index[end] = None
            self._indexes[key] = index
        return self._indexes[key]

    def _below(self, folder: Parts) -> Iterator[Parts]:
        for at in range(bisect_left(self._images, folder), len(self._images)):
            if self._images[at][: len(folder)] != folder:
                return
            yield self._images[at]


def finder_of(upload: Upload) -> ImageFinder:
    """For `Upload.once`."""
    return ImageFinder(upload.images)


def _readings(path: str) -> Iterator[str]:
    """A path as it is written, without the query of an address, and as it is meant if it is quoted."""
    text = path.partition("?")[0] if _SCHEME.match(path) else path
    yield text
    if "%" in text:
        yield unquote(text)


def names_of(image: Parts) -> tuple[str, str]:
    """What a path that means an image may end in: its name, with and without the suffix."""
    name = _key(image[-1:])
    return name, name.rpartition(".")[0]


def _key(parts: Parts) -> str:
    return "/".join(parts).casefold()


def _written(path: str) -> Parts:
    text = nfc(path.strip().replace("\\", "/"))
    return tuple(part for part in _SCHEME.sub("", text).split("/") if part not in {"", "."})
