"""The images in a folder and below it, found while they are asked for: what is held are the names in the folders that
one is in."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif"),
        ".avif",
        *(".ppm", ".pgm", ".pbm", ".pnm"),
        # The service reads none of these, and says so of each: nobody's pictures are left out in silence.
        *(".jxl", ".jp2", ".j2k", ".jpf", ".jxr", ".psd", ".svg", ".tga", ".pcx", ".qoi", ".exr", ".dds"),
        *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".pef", ".srw"),
    }
)
# Folders that systems keep in other people's folders, in lower case; some hold small copies of the pictures there.
_LITTER = frozenset({"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"})
_HEAD_BYTES = 16
_SPECIAL = "not a regular file"
# Of what people keep under names that have no ending; BMP, TIFF and PNM begin as other kinds of files do, too.
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
_BRANDS = frozenset({b"ftypavif", b"ftypheic", b"ftypheix", b"ftypmif1"})

Identity = tuple[int, int]  # device and inode


@dataclass(frozen=True, kw_only=True)
class Found:
    """The `path` is relative to the folder, with slashes; bytes that are no UTF-8 are surrogates.

    `is_image` holds for all that may be one: a name that promises it, bytes that begin like one, a folder that cannot
    be looked into. `error` says why it cannot be read.
    """

    path: str
    is_image: bool
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Folder:
    """`within` are this folder and those that it is in; a link to one of them would never end, and adds nothing."""

    place: str
    prefix: str
    within: frozenset[Identity]
    names: Iterator[str]

    def found(self) -> "Iterator[Found | _Folder]":
        for name in self.names:
            if not name.startswith(".") and name.lower() not in _LITTER:
                yield self._look(name)

    def _look(self, name: str) -> "Found | _Folder":
        place, path, is_folder = os.path.join(self.place, name), self.prefix + name, False
        try:
            status = os.stat(place)
            if is_folder := stat.S_ISDIR(status.st_mode):
                return _folder(place, f"{path}/", self.within)
            if _is_image_name(name):
                return Found(path=path, is_image=True, error=None if stat.S_ISREG(status.st_mode) else _SPECIAL)
            return Found(path=path, is_image=stat.S_ISREG(status.st_mode) and _begins_as_image(place))
        except OSError as error:
            may_be = is_folder or _is_image_name(name) or not os.path.splitext(name)[1]
            return Found(path=path, is_image=may_be, error=error.strerror or str(error))


def files_in(folder: Path) -> Iterator[Found]:
    """Every file, each folder's in the order of their names. Links are followed, but not into a folder that they are
    in. What a dot hides is left out.

    Raises `OSError` if the folder itself cannot be listed.
    """
    return _all_below(_folder(os.fspath(folder), "", frozenset()))


def _all_below(folder: _Folder) -> Iterator[Found]:
    open_folders = [folder.found()]  # no recursion: folders may be nested deeper than Python's calls
    while open_folders:
        found = next(open_folders[-1], None)
        if found is None:
            open_folders.pop()
        elif isinstance(found, Found):
            yield found
        else:
            open_folders.append(found.found())


def _folder(place: str, prefix: str, above: frozenset[Identity]) -> _Folder:
    """Raises `OSError`."""
    status = os.stat(place)
    identity = (status.st_dev, status.st_ino)
    names = [] if identity in above else sorted(os.listdir(place))
    return _Folder(place=place, prefix=prefix, within=above | {identity}, names=iter(names))


def _is_image_name(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in _SUFFIXES


def _begins_as_image(place: str) -> bool:
    """Raises `OSError`."""
    with open(place, "rb") as file:
        head = file.read(_HEAD_BYTES)
    return head.startswith(_BEGINNINGS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head[4:12] in _BRANDS
