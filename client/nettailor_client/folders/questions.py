"""What is asked about each image of a folder: which tasks, and which of their versions."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from nettailor_client.answers.predictions import Prediction, Predictions
from nettailor_client.body import Bytes
from nettailor_client.request import Query, Request, Waiting, path_of, query_of, read_as
from nettailor_client.session import Session

T = TypeVar("T")


class Questions:
    """Each task is `task` or `task@alias`. `versions` are those to ask, by task; where there is none and versions are
    pinned, it is the one that answers first, whatever the alias comes to name.

    Thread-safe once they are settled; until then images are asked about one after the other.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        versions: Mapping[str, int],
        is_pinned: bool,
        top_k: int | None,
        priority: int,
        waiting: Waiting,
    ) -> None:
        self._tasks = tasks
        self._versions = dict(versions)
        self._is_pinned = is_pinned
        self._query = query_of(top_k=top_k, priority=priority)
        self._waiting = waiting
        self._apart: set[str] = set()  # their aliases name another version by now

    @property
    def are_settled(self) -> bool:
        return not self._is_pinned or all(task in self._versions for task in self._tasks)

    async def ask(self, session: Session, file: bytes) -> tuple[Prediction, ...]:
        """In the order of the tasks. Raises as `Session.ask`."""
        found = await self._together(session, file) if len(self._tasks) > 1 else {}
        for task in self._tasks:
            if task not in found:
                found[task] = await session.ask(self._question(task, file))
        if not self.are_settled:
            for task, prediction in found.items():
                self._versions.setdefault(task, prediction.version)
        return tuple(found[task] for task in self._tasks)

    async def _together(self, session: Session, file: bytes) -> dict[str, Prediction]:
        """What tasks say that are asked in one request, which shares its work among them; but no request names several
        tasks and their versions, so that an answer by another version than the pinned one does not count."""
        tasks = [task for task in self._tasks if task not in self._apart]
        if not tasks:
            return {}
        query = (("tasks", ",".join(tasks)), *self._query)
        answer = await session.ask(self._request("/predict", query, file, Predictions))
        found = dict(zip(tasks, answer.results, strict=True))
        others = {task for task, given in found.items() if self._versions.get(task, given.version) != given.version}
        self._apart |= others
        return {task: prediction for task, prediction in found.items() if task not in others}

    def _question(self, task: str, file: bytes) -> Request[Prediction]:
        version = self._versions.get(task)
        if version is None:
            return self._request(path_of("tasks", task, "predict"), self._query, file, Prediction)
        name = task.partition("@")[0]
        return self._request(path_of("tasks", name, "versions", version, "predict"), self._query, file, Prediction)

    def _request(self, path: str, query: Query, file: bytes, kind: type[T]) -> Request[T]:
        """Whoever asks about a folder goes on when the service is back: requests are as patient as uploads."""
        return Request(
            method="POST",
            path=path,
            query=query,
            body=Bytes(data=file),
            parse=read_as(kind),
            is_long=True,
            waiting=self._waiting,
        )
