"""What can be asked of a service about jobs."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx

from cli.errors import RequestRefused, ServiceUnreachable, StreamBroken
from cli.service.patience import COMING_BACK
from cli.service.session import TIMEOUT, Json, Session, path_of
from cli.service.sse import ServerSentEvent, parse_events

Options = Mapping[str, str | int | float | None]

NO_OPTIONS: Options = {}
_PATIENT = httpx.Timeout(30.0, read=None)  # an epoch may say nothing for long, nor may a look at many images
_SLOW = httpx.Timeout(30.0, read=600.0)  # a large archive is stored and looked at before it is accepted

Waiting = Callable[[], None]


def silently() -> None:
    """For whoever does not want to know that the service is being waited for."""


class JobRequests(Session):
    """Every method raises `ServiceUnreachable`, or `RequestRefused` for a problem document."""

    def upload(self, task: str, archive: Path, *, options: Options = NO_OPTIONS, waiting: Waiting = silently) -> Json:
        """Upload a dataset; the job it started. An option that is None is left to the service.

        While the service is away it is tried again, after a call of `waiting`; under the same idempotency key, so that
        an upload whose answer was lost starts one job, not two.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        tries = self.patience.begin()
        while True:
            try:
                return self._send(archive, path_of("tasks", task, "dataset"), options, headers=headers, timeout=_SLOW)
            except (ServiceUnreachable, RequestRefused) as error:
                if not _may_pass(error):
                    raise
                waiting()
                if not tries.again():
                    raise

    def inspect(self, archive: Path, *, task: str | None = None, group_by: str | None = None) -> Json:
        """What the service would make of a dataset; nothing is kept or queued. A key that is limited to tasks has to
        name one of them."""
        asked = {"task": task, "group_by": group_by}
        return self._send(archive, "/datasets/inspect", asked, timeout=_PATIENT)

    def job(self, job: str) -> Json:
        return self._document("GET", path_of("jobs", job))

    def jobs(self) -> list[Json]:
        return self._rows("/jobs", "jobs")

    def finish(self, job: str) -> Json:
        return self._document("POST", path_of("jobs", job, "finish"))

    def cancel(self, job: str) -> Json:
        return self._document("POST", path_of("jobs", job, "cancel"))

    def retry(self, job: str) -> Json:
        return self._document("POST", path_of("jobs", job, "retry"))

    def logs(self, job: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """The job's log in pieces; with `follow` until the job has ended, however long it is silent.

        Raises `StreamBroken`.
        """
        parameters = {"follow": str(follow).lower()} | ({"tail": str(tail)} if tail else {})
        timeout = _PATIENT if follow else TIMEOUT
        try:
            with self._stream(path_of("jobs", job, "logs"), params=parameters, timeout=timeout) as response:
                yield from response.iter_text()
        except httpx.ConnectError as error:
            raise ServiceUnreachable(self.url) from error
        except httpx.TransportError as error:
            raise StreamBroken(job) from error

    def events(self, job: str, *, waiting: Waiting = silently) -> Iterator[ServerSentEvent]:
        """The job's events from the first to its end, across lost connections and restarts of the service; `waiting`
        is called before each pause. Raises `StreamBroken`.
        """
        last: str | None = None
        tries = self.patience.begin()
        while True:
            try:
                for event in self._events_after(job, last):
                    last = event.id or last
                    tries.succeeded()
                    yield event  # no end at a final state: the replay of a retried job has the earlier runs' too
                if is_final(self.job(job)["state"]):
                    return
            except (httpx.TransportError, ServiceUnreachable, RequestRefused) as error:
                if not _may_pass(error):
                    raise
            waiting()
            if not tries.again():
                raise StreamBroken(job)

    def _send(
        self,
        archive: Path,
        path: str,
        asked: Options,
        *,
        timeout: httpx.Timeout,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        name = archive.name.encode(errors="replace").decode()  # only for the service's eyes, and may be no text
        with archive.open("rb") as data:
            return self._document(
                "POST",
                path,
                params={name: value for name, value in asked.items() if value is not None},
                files={"file": (name, data, "application/octet-stream")},
                headers=headers,
                timeout=timeout,
            )

    def _events_after(self, job: str, last: str | None) -> Iterator[ServerSentEvent]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        with self._stream(path_of("jobs", job, "events"), headers=headers) as response:
            yield from parse_events(response.iter_lines())


def _may_pass(error: httpx.TransportError | ServiceUnreachable | RequestRefused) -> bool:
    """Whether the same request may succeed a while later."""
    return not isinstance(error, RequestRefused) or error.status in COMING_BACK


def is_final(state: str) -> bool:
    """Whether a job in this state stays in it."""
    return state in {"succeeded", "failed", "cancelled"}


def state_of(data: Json) -> str:
    """The state that a `state` event reports."""
    return str(data["fields"]["state"])
