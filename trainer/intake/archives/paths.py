"""Names inside archives: what is safe, and what is only litter of operating systems."""

import re
import unicodedata

from trainer.errors import ArchivePathUnsafe
from trainer.intake.archives.limits import IntakeLimits

Parts = tuple[str, ...]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"^[A-Za-z]:(?! )")  # "A: good" is the name of a class, and nothing is ever written under it
_LITTER = frozenset({"__macosx", ".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db", ".spotlight-v100", ".trashes"})
# Hidden folders of programs. Whoever has images in another one may have meant it as a class.
_PROGRAMS = frozenset(
    {
        *(".git", ".svn", ".hg", ".dvc", ".cache", ".config", ".venv", ".idea", ".vscode", ".ipynb_checkpoints"),
        *(
            ".thumbnails",
            ".thumb",
            ".thumbs",
            ".appledouble",
            ".fseventsd",
            ".temporaryitems",
            ".trash",
            ".huggingface",
        ),
        *(".documentrevisions-v100", ".mypy_cache", ".pytest_cache", ".huggingface", ".picasaoriginals"),
    }
)


def safe_parts(name: str, limits: IntakeLimits) -> Parts:
    """The components of a member's name, NFC-normalised so that equal folders packed on different systems agree.

    Empty for the archive's own root ("./"). Raises `ArchivePathUnsafe`.
    """
    try:
        size_bytes = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        raise ArchivePathUnsafe("the name is not UTF-8 text", name) from None
    if size_bytes > limits.path_bytes:
        raise ArchivePathUnsafe(f"the name is longer than {limits.path_bytes} bytes", name)
    if _CONTROL.search(name):
        raise ArchivePathUnsafe("the name holds control characters", name)
    path = name.replace("\\", "/")  # some Windows packers write backslashes, and a backslash may hide a traversal
    if path.startswith("/") or _DRIVE.match(path):
        raise ArchivePathUnsafe("absolute path", name)
    parts = tuple(unicodedata.normalize("NFC", part) for part in path.split("/") if part not in {"", "."})
    if ".." in parts:
        raise ArchivePathUnsafe("the path leaves the archive ('..')", name)
    if len(parts) > limits.path_depth:
        raise ArchivePathUnsafe(f"nested deeper than {limits.path_depth} folders", name)
    return parts


def is_litter(parts: Parts) -> bool:
    """Whether the file is hidden or left behind by an operating system; such files are dropped without a word."""
    return any(part.lower() in _LITTER or part.startswith(".") for part in parts)


def hidden_folder(parts: Parts) -> Parts | None:
    """The folder that hides a file by the dot in its name, where no program is known to make folders of that name."""
    folders = [part.lower() for part in parts[:-1]]
    if parts[-1].startswith(".") or any(folder in _LITTER | _PROGRAMS for folder in folders):
        return None
    depth = next((depth for depth, folder in enumerate(folders, start=1) if folder.startswith(".")), None)
    return None if depth is None else parts[:depth]
