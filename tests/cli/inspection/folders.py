"""Data sets as folders on disk, as people have them."""

from pathlib import Path

from tests.trainer import archives

GOOD = archives.class_folders()
ODD = {**GOOD, "notes.md": b"x", "cats/copy.png": GOOD["cats/1.png"], ".hidden/a.png": archives.picture(1)}
BARE = {"train/1.jpg": archives.picture(1), "test/2.jpg": archives.picture(2)}


def laid_out(folder: Path, files: archives.Files) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder
