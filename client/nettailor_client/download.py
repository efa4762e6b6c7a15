"""An answer that is written to a file while it arrives."""

import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from nettailor_client.request import Answer, Request
from nettailor_client.session import Session

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Download(Generic[T]):
    """The file is there once it is whole: it is written under another name first. The answer that is read has headers
    and no content."""

    request: Request[T]
    to: Path

    async def done(self, session: Session) -> T:
        """Raises as `Session.ask`, and `OSError`."""

        async def written(request: Request[T]) -> T:
            async with session.answered(request) as response:
                found = request.parse(Answer(path=request.path, headers=response.headers, content=b""))
                await self._write(session.transport.chunks(response))
            return found

        return await session.repeated(self.request, written)

    async def _write(self, chunks: AsyncIterator[bytes]) -> None:
        scratch = self.to.with_name(f".{self.to.name}.{secrets.token_hex(4)}")
        try:
            with scratch.open("xb") as file:
                async for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self.to)
        finally:
            scratch.unlink(missing_ok=True)
