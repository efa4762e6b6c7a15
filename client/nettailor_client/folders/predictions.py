"""What tasks say of every image of a folder, in the order of its files."""

from collections import deque
from collections.abc import AsyncGenerator, Container
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from nettailor_client.answers.predictions import Prediction
from nettailor_client.errors import RequestRefused
from nettailor_client.folders.groups import Started, group
from nettailor_client.folders.questions import Questions
from nettailor_client.folders.walk import Found, files_in
from nettailor_client.session import Session

_MOST_BYTES = 1 << 27  # of a file; several are in memory at once
_AHEAD = 4  # times as many images wait to be handed out in order as are under way
_OF_THE_IMAGE = frozenset({413, 415, 500})  # refusals that say nothing about the next image


class FolderPrediction(NamedTuple):
    """The `path` is relative to the folder, with slashes. There is a prediction for each task, in the order asked, or
    an `error`, and then none."""

    path: str
    predictions: tuple[Prediction, ...]
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class FolderPredictions:
    folder: Path
    questions: Questions
    in_flight: int
    skip: Container[str]

    async def pieces(self, session: Session) -> AsyncGenerator[FolderPrediction, None]:
        """Raises `OSError` for the folder itself, and as `Session.ask`."""
        images = (found for found in files_in(self.folder) if found.is_image and found.path not in self.skip)
        started, under_way = group(session.transport, self.in_flight), deque[Started[FolderPrediction]]()
        try:
            while (image := await session.transport.aside(lambda: next(images, None))) is not None:
                under_way.append(started.start(partial(self._predicted, session, image)))
                while len(under_way) >= (_AHEAD * self.in_flight if self.questions.are_settled else 1):
                    yield await under_way.popleft().result()
            while under_way:
                yield await under_way.popleft().result()
        finally:
            await started.close()

    async def _predicted(self, session: Session, image: Found) -> FolderPrediction:
        if image.error is not None:
            return FolderPrediction(image.path, (), image.error)
        try:
            file = await session.transport.aside(partial(_read, self.folder / image.path))
            return FolderPrediction(image.path, await self.questions.ask(session, file))
        except OSError as error:
            return FolderPrediction(image.path, (), error.strerror or str(error))
        except RequestRefused as refusal:
            if refusal.status not in _OF_THE_IMAGE:
                raise
            # The reason alone: the sentence names the image by its place in the request, which nobody made.
            return FolderPrediction(image.path, (), str(refusal.problem.get("reason") or refusal.detail))


def _read(path: Path) -> bytes:
    """Raises `OSError`."""
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if not data:
        raise OSError("an empty file")
    if len(data) > _MOST_BYTES:
        raise OSError(f"larger than {_MOST_BYTES} bytes")
    return data
