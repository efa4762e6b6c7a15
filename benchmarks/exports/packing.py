"""Archives, built in memory by code."""

import io
import tarfile
import zipfile
import zlib
from collections.abc import Mapping

Files = Mapping[str, bytes]


def hash_seed(*parts: object) -> int:
    return zlib.crc32(repr(parts).encode())


def zip_of(files: Files, *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A name that ends in a slash is a folder, here and in `tar_of`."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def tar_of(files: Files, *, mode: str = "w:gz", form: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode, format=form) as archive:  # type: ignore[call-overload]  # mode is data here
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()
