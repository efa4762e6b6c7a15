"""Asking what is on images."""

from collections.abc import Container, Iterable, Mapping
from os import PathLike
from pathlib import Path

from nettailor_client.answers.predictions import Prediction, Predictions
from nettailor_client.body import Images
from nettailor_client.errors import ArgumentUnusable
from nettailor_client.folders.predictions import FolderPredictions
from nettailor_client.folders.questions import Questions
from nettailor_client.images import Image
from nettailor_client.operation import Operation, Stream
from nettailor_client.request import READ_S, Request, Waiting, path_of, query_of, read_as, silently

_MOST_MS = 600_000  # the service refuses more; no clock could count what somebody may name


class PredictionRoutes:
    @Operation
    def predict(
        self,
        task: str,
        *images: Image,
        version: int | None = None,
        top_k: int | None = None,
        priority: int | None = None,
        timeout_ms: int | None = None,
    ) -> Request[Prediction]:
        """What is on images, by the task's live version, by that which `task@alias` names, or by a `version`.

        `priority` is -100 to 100, within a task more goes first; what is not answered within `timeout_ms` is refused.
        """
        which = ("tasks", task, "predict") if version is None else ("tasks", task, "versions", version, "predict")
        return Request(
            method="POST",
            path=path_of(*which),
            query=query_of(top_k=top_k, priority=priority, timeout_ms=timeout_ms),
            body=Images(images=images),
            parse=read_as(Prediction),
            read_s=_read_s(timeout_ms),
        )

    @Operation
    def predict_many(
        self,
        tasks: Iterable[str],
        *images: Image,
        top_k: int | None = None,
        priority: int | None = None,
        timeout_ms: int | None = None,
    ) -> Request[Predictions]:
        """The same images for several tasks, each `task` or `task@alias`, in one go."""
        return Request(
            method="POST",
            path="/predict",
            query=query_of(tasks=",".join(tasks), top_k=top_k, priority=priority, timeout_ms=timeout_ms),
            body=Images(images=images),
            parse=read_as(Predictions),
            read_s=_read_s(timeout_ms),
        )

    @Stream
    def predict_folder(
        self,
        tasks: str | Iterable[str],
        folder: str | PathLike[str],
        *,
        top_k: int | None = None,
        priority: int = -100,
        pin: bool = True,
        versions: Mapping[str, int] | None = None,
        skip: Container[str] = (),
        in_flight: int = 4,
        waiting: Waiting = silently,
    ) -> FolderPredictions:
        """What is on all images of a folder and the folders below it, one after the other in the order of their names:
        a path within the folder, a prediction for each task (`task` or `task@alias`), or else the error of that image.

        The priority is the lowest, and at most `in_flight` requests are under way, so that whoever waits for a single
        answer does not wait for these. Each task is answered by one version, whatever becomes live meanwhile: by that
        which answers first, or that of `versions`; without `pin`, by what its alias names at the time. Paths in `skip`
        are left out. While the service is away or overloaded, it is waited for as for an upload.

        Raises `ArgumentUnusable`, and `OSError` where the folder itself cannot be read.
        """
        names = (tasks,) if isinstance(tasks, str) else tuple(tasks)
        if not names or in_flight < 1:
            raise ArgumentUnusable("asking about a folder takes a task, and a request in flight")
        questions = Questions(
            names, versions=versions or {}, is_pinned=pin, top_k=top_k, priority=priority, waiting=waiting
        )
        return FolderPredictions(folder=Path(folder), questions=questions, in_flight=in_flight, skip=skip)


def _read_s(timeout_ms: int | None) -> float:
    """No less than the service was given: who gives up before it asks again, for what is still under way."""
    return READ_S if timeout_ms is None else READ_S + min(timeout_ms, _MOST_MS) / 1000
