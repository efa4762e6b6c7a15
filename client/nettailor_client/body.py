"""What is sent with a request."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nettailor_client.images import Image, file_of

BINARY = "application/octet-stream"
_CHUNK_BYTES = 1 << 18

Progress = Callable[[int, int], None]
"""Called with how many bytes were sent, and of how many; from 0 again where an upload is tried again."""


def unseen(sent: int, total: int) -> None:
    """For whoever does not want to know how far an upload is."""


@dataclass(frozen=True, kw_only=True)
class Bytes:
    data: bytes = field(repr=False)
    media_type: str = BINARY


@dataclass(frozen=True, kw_only=True)
class File:
    """A file that is sent while it is read."""

    path: Path
    progress: Progress = unseen
    media_type: str = BINARY

    def size_bytes(self) -> int:
        """Raises `OSError`."""
        return self.path.stat().st_size

    def chunks(self) -> Iterator[bytes]:
        """Raises `OSError`."""
        total, sent = self.size_bytes(), 0
        with self.path.open("rb") as file:
            self.progress(0, total)
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
                sent += len(chunk)
                self.progress(sent, total)


@dataclass(frozen=True, kw_only=True)
class Images:
    """One image, sent as it is, or several as a form. They become files only when they are sent."""

    images: Sequence[Image] = field(repr=False)

    def encoded(self) -> Bytes:
        """Raises `ImageUnusable`, `OSError`."""
        files = [file_of(image) for image in self.images]
        return Bytes(data=files[0]) if len(files) == 1 else _form(files)


Body = Bytes | File | Images

NO_BODY = Bytes(data=b"")


def json_body(document: Mapping[str, Any]) -> Bytes:
    return Bytes(data=json.dumps(document).encode(), media_type="application/json")


def _form(files: Sequence[bytes]) -> Bytes:
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="image"\r\n\r\n'.encode()
    data = b"".join(head + file + b"\r\n" for file in files) + f"--{boundary}--\r\n".encode()
    return Bytes(data=data, media_type=f"multipart/form-data; boundary={boundary}")
