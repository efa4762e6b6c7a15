"""A dataset as one file to upload: an archive as it is, or a folder zipped into a temporary file."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.errors import NotADataset


@contextmanager
def packed(data: Path) -> Iterator[Path]:
    """The archive to upload; a folder's is removed afterwards. Raises `NotADataset`."""
    if data.is_file():
        yield data
    elif data.is_dir():
        with TemporaryDirectory(prefix="nettailor-upload-") as scratch:
            archive = Path(scratch, f"{data.resolve().name}.zip")
            zip_folder(data, archive)
            yield archive
    else:
        raise NotADataset(data, "no such file or folder")


def zip_folder(folder: Path, archive: Path) -> None:
    """Zip a folder's files under their relative names, hidden ones left out, without compressing them again.

    Raises `NotADataset` if there is nothing to zip.
    """
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not _hidden(p.relative_to(folder))]
    if not files:
        raise NotADataset(folder, "the folder holds no files")
    # strict_timestamps off: files from before 1980 are no reason to refuse a dataset
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED, strict_timestamps=False) as target:
        for path in files:
            target.write(path, path.relative_to(folder).as_posix())


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
