"""Asking what is on images."""

from collections.abc import Iterable

from nettailor_client.answers.predictions import Prediction, Predictions
from nettailor_client.body import Images
from nettailor_client.images import Image
from nettailor_client.operation import Operation
from nettailor_client.request import Request, path_of, query_of, read_as


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
        )
