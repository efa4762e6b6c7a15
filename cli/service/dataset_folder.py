"""What of a folder on disk belongs to its dataset: its files, and those that links lead to."""

import os
import stat
from pathlib import Path

from cli.errors import NotADataset
from trainer.intake.archives.formats import is_image_name
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.paths import Parts, is_hidden, is_litter

_LIMITS = IntakeLimits()
_EXAMPLES = 3  # links that are named in a message

Identity = tuple[int, int]  # device and inode


def dataset_entries(folder: Path) -> list[tuple[str, Path]]:
    """Names relative to the folder, with slashes, and where each is on disk. A folder that holds nothing is there too,
    under a name that ends in a slash.

    Litter is left out, and so is what is hidden, apart from images: a class may be hidden by mistake, and the service
    reports it. Raises `NotADataset`.
    """
    walk = _Walk()
    try:
        walk.enter(folder, (), frozenset())
    except OSError as error:
        raise NotADataset(Path(error.filename or folder), f"cannot be read: {error.strerror or error}") from error
    if walk.dangling:
        raise NotADataset(folder, _dangling(walk.dangling))
    return walk.found


class _Walk:
    def __init__(self) -> None:
        self.found: list[tuple[str, Path]] = []
        self.dangling: list[str] = []

    def enter(self, folder: Path, parts: Parts, above: frozenset[Identity]) -> None:
        """`above`: the folders that this one is in. A link to one of them would never end, and adds nothing."""
        status = folder.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            return
        before = len(self.found)
        for name in sorted(os.listdir(folder)):
            if not is_litter(name):
                self._look(folder / name, (*parts, name), above | {identity})
        if len(self.found) == before and parts and not is_hidden(parts):
            self._add(folder, parts, "/")

    def _look(self, path: Path, parts: Parts, above: frozenset[Identity]) -> None:
        hidden = is_hidden(parts)
        if len(parts) > _LIMITS.path_depth:
            if not hidden:
                raise NotADataset(path, f"nested deeper than {_LIMITS.path_depth} folders")
            return
        try:
            mode = path.stat().st_mode
        except OSError:
            if not path.is_symlink():
                raise
            if not hidden:
                self.dangling.append("/".join(parts))
            return
        if stat.S_ISDIR(mode):
            self.enter(path, parts, above)
        elif stat.S_ISREG(mode) and (is_image_name(parts[-1]) or not hidden):
            self._add(path, parts)

    def _add(self, path: Path, parts: Parts, end: str = "") -> None:
        if len(self.found) == _LIMITS.members:  # links make a folder larger than its disk
            raise NotADataset(path, f"one too many: at most {_LIMITS.members} files can be uploaded at once")
        name = "/".join(parts) + end
        try:
            name.encode()
        except UnicodeEncodeError:
            raise NotADataset(path, "the name is not UTF-8 text; rename it") from None
        self.found.append((name, path))


def _dangling(names: list[str]) -> str:
    shown = ", ".join(names[:_EXAMPLES]) + (", ..." if len(names) > _EXAMPLES else "")
    links = "1 link leads" if len(names) == 1 else f"{len(names)} links lead"
    return f"{links} nowhere ({shown}): bring back what is missing, or remove them"
