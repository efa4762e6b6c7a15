"""Predictions for files, several a request; one that cannot be predicted is a line of its own and keeps nobody up."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from nettailor_client import Client
from nettailor_client.answers.predictions import Prediction
from nettailor_client.errors import RequestRefused
from nettailor_client.folders.walk import files_in

_IMAGES = 8  # a request
_BYTES = 16 << 20  # a request, unless one image is larger
_OF_THE_IMAGE = frozenset({413, 415, 500})  # refusals that say nothing about the next image


@dataclass(frozen=True, kw_only=True)
class Asked:
    """`task` may be `task@alias`, or `task@2`; `version` is a number."""

    task: str
    version: int | None
    top_k: int


@dataclass(frozen=True, kw_only=True)
class FilePrediction:
    """Of one image; either an answer or an error."""

    file: str
    answer: Prediction | None = None
    error: str = ""


Group = list[tuple[str, bytes]]


def predict_files(client: Client, asked: Asked, paths: Sequence[Path]) -> Iterator[FilePrediction]:
    """In the order of the paths; of a folder, all images in it and below. Raises as `Client.predict`, but for what is
    wrong with an image alone."""
    group: Group = []
    for name in chain.from_iterable(map(_files, paths)):
        try:
            data = _read(name)
        except OSError as error:
            yield from _predicted(client, asked, group)
            group = []
            yield FilePrediction(file=name, error=error.strerror or str(error))
            continue
        if len(group) == _IMAGES or sum(len(each) for _, each in group) + len(data) > _BYTES:
            yield from _predicted(client, asked, group)
            group = []
        group.append((name, data))
    yield from _predicted(client, asked, group)


def _files(path: Path) -> Iterable[str]:
    """Its images, of a folder; a folder that cannot be looked into stands for itself, and will not be read either."""
    if not path.is_dir():
        return [str(path)]
    try:
        return [str(path / found.path) for found in files_in(path) if found.is_image]
    except OSError:
        return [str(path)]


def _read(file: str) -> bytes:
    """Raises `OSError`."""
    data = Path(file).read_bytes()
    if not data:
        raise OSError("an empty file")
    return data


def _predicted(client: Client, asked: Asked, group: Group) -> Iterator[FilePrediction]:
    """A refused request says nothing about the images beside the bad one, so each is asked about alone."""
    if not group:
        return
    try:
        images = (data for _, data in group)
        answer = client.predict(asked.task, *images, version=asked.version, top_k=asked.top_k)
    except RequestRefused as refusal:
        if refusal.status not in _OF_THE_IMAGE:
            raise
        if len(group) == 1:
            reason = str(refusal.problem.get("reason") or refusal.detail)
            yield FilePrediction(file=group[0][0], error=reason)
            return
        for each in group:
            yield from _predicted(client, asked, [each])
        return
    for (name, _), labels in zip(group, answer.predictions, strict=True):
        yield FilePrediction(file=name, answer=answer.model_copy(update={"predictions": [labels]}))
