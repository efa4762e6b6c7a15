"""Names inside archives: what is safe, what is only litter of other programs, and what is hidden."""

import re

from nettailor.normal_form import nfc
from trainer.errors import ArchivePathUnsafe
from trainer.intake.archives.limits import IntakeLimits

Parts = tuple[str, ...]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"^[A-Za-z]:(/|$)")  # a class may be called "A: good"
# In lower case. Folders and files that systems and tools leave in other people's folders, and that nobody labels.
_LITTER = frozenset(
    {
        # macOS; an icon's name ends in a carriage return, which file servers write as a private character
        *("__macosx", ".ds_store", "icon\r", "icon\uf00d", ".localized", ".apdisk", ".volumeicon.icns"),
        *(".spotlight-v100", ".fseventsd", ".trashes", ".temporaryitems", ".documentrevisions-v100"),
        *(".appledouble", ".appledb", ".appledesktop"),
        # Windows
        *("thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "desktop.ini"),
        *("$recycle.bin", "system volume information"),
        # Linux desktops and file servers
        *(".directory", ".trash", ".thumbnails", "lost+found", "@eadir"),
        # what tools keep beside the data
        *(".git", ".gitignore", ".gitattributes", ".gitkeep", ".keep", ".svn", ".hg", ".dvc", ".idea", ".vscode"),
        *(".cache", ".config", ".venv", ".mypy_cache", ".pytest_cache", ".ipynb_checkpoints", ".huggingface"),
        *(".thumb", ".thumbs", ".picasaoriginals"),
    }
)
# Beginnings: the second file that macOS writes beside a file, lock files of offices, a Linux user's waste bin
_LITTER_STARTS = ("._", "~$", ".~lock.", ".trash-")


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
    path = _with_slashes(name)
    if path.startswith("/") or _DRIVE.match(path):
        raise ArchivePathUnsafe("absolute path", name)
    parts = tuple(nfc(part) for part in path.split("/") if part not in {"", "."})
    if ".." in parts:
        raise ArchivePathUnsafe("the path leaves the archive ('..')", name)
    if len(parts) > limits.path_depth:
        raise ArchivePathUnsafe(f"nested deeper than {limits.path_depth} folders", name)
    return parts


def is_litter(name: str) -> bool:
    """Whether a member was left behind by an operating system or a tool: it is dropped without a word.

    Asked of the raw name, before `safe_parts`: litter may be called what no other file may.
    """
    parts = _with_slashes(name.lower()).split("/")
    return any(part in _LITTER or part.startswith(_LITTER_STARTS) for part in parts)


def is_hidden(parts: Parts) -> bool:
    """Whether the file, or a folder around it, is hidden by a dot: it is left out, and that is reported."""
    return any(part.startswith(".") for part in parts)


def hidden_folder(parts: Parts) -> Parts | None:
    """The outermost folder that hides a file by the dot in its own name: somebody may have meant it as a class."""
    depth = next((depth for depth, folder in enumerate(parts[:-1], start=1) if folder.startswith(".")), None)
    return None if depth is None else parts[:depth]


def _with_slashes(name: str) -> str:
    """Some Windows packers write backslashes, and a backslash may hide a traversal."""
    return name.replace("\\", "/")
