"""Who else may read what a service has written."""

import stat
from pathlib import Path


def open_to_others(folder: Path) -> list[str]:
    """What in the folder others than its user may do anything with, itself included."""
    return [
        f"{oct(path.lstat().st_mode)} {path}"
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink() and path.lstat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
