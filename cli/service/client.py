"""The HTTP API as Python calls; answers come back as the JSON they are."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from cli.errors import RequestRefused, ServiceUnreachable, StreamBroken

Json = dict[str, Any]

NO_OPTIONS: Mapping[str, str | int | float | None] = {}
_TIMEOUT = httpx.Timeout(30.0, read=120.0)  # seconds; a cold task is loaded within one read
_PATIENT = httpx.Timeout(30.0, read=None)  # an epoch may say nothing for long
_RECONNECTS = 20  # broken connections in a row before the stream is given up


@dataclass(frozen=True, kw_only=True)
class ServerSentEvent:
    """One event of a job. `data` is the event's JSON."""

    id: str | None
    event: str
    data: Json = field(default_factory=dict)


class Client:
    """Every method raises `ServiceUnreachable`, or `RequestRefused` for a problem document.

    `key` is the secret of a key, for a service that asks for one.
    """

    def __init__(self, url: str, *, key: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.key = key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # trust_env off: a proxy in the environment must not swallow requests to this machine
        self._http = httpx.Client(base_url=self.url, timeout=_TIMEOUT, trust_env=False, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def is_ready(self) -> bool:
        try:
            return self._http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def upload(self, task: str, archive: Path, *, options: Mapping[str, str | int | float | None] = NO_OPTIONS) -> Json:
        """Upload a dataset; the job it started. An option that is None is the service's own."""
        with archive.open("rb") as data:
            return self._document(
                "POST",
                f"/tasks/{task}/dataset",
                params={name: value for name, value in options.items() if value is not None},
                files={"file": (archive.name, data, "application/octet-stream")},
            )

    def job(self, job: str) -> Json:
        return self._document("GET", f"/jobs/{job}")

    def jobs(self) -> list[Json]:
        return _rows(self._json("GET", "/jobs"), "jobs")

    def cancel(self, job: str) -> Json:
        return self._document("POST", f"/jobs/{job}/cancel")

    def retry(self, job: str) -> Json:
        return self._document("POST", f"/jobs/{job}/retry")

    def logs(self, job: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """The job's log in pieces; with `follow` until the job has ended, however long it is silent. Raises
        `StreamBroken`."""
        parameters = {"follow": str(follow).lower()} | ({"tail": str(tail)} if tail else {})
        timeout = _PATIENT if follow else _TIMEOUT
        try:
            with self._http.stream("GET", f"/jobs/{job}/logs", params=parameters, timeout=timeout) as response:
                if not response.is_success:
                    response.read()
                    raise _refusal(response)
                yield from response.iter_text()
        except httpx.ConnectError as error:
            raise ServiceUnreachable(self.url) from error
        except httpx.TransportError as error:
            raise StreamBroken(job) from error

    def tasks(self) -> list[Json]:
        return _rows(self._json("GET", "/tasks"), "tasks")

    def task(self, task: str) -> Json:
        return self._document("GET", f"/tasks/{task}")

    def version(self, task: str, version: int) -> Json:
        """With the bundle's whole manifest."""
        return self._document("GET", f"/tasks/{task}/versions/{version}")

    def versions(self, task: str, *, tags: Sequence[str] = ()) -> list[Json]:
        """Those with all of these tags, each `name=text` or `name`."""
        return _rows(self._json("GET", f"/tasks/{task}/versions", params={"tag": list(tags)}), "versions")

    def lineage(self, task: str, version: int) -> Json:
        return self._document("GET", f"/tasks/{task}/versions/{version}/lineage")

    def front(self, task: str, version: int) -> list[Json]:
        """Every network that was tried when the version was made."""
        return _rows(self._json("GET", f"/tasks/{task}/versions/{version}/front"), "points")

    def publish_point(self, task: str, version: int, k: int, *, alias: str | None, reason: str) -> Json:
        """Make another network of the front a version of the task."""
        body = {"alias": alias, "reason": reason}
        return self._document("POST", f"/tasks/{task}/versions/{version}/front/{k}", json=body)

    def history(self, task: str) -> list[Json]:
        return _rows(self._json("GET", f"/tasks/{task}/history"), "history")

    def promote(self, task: str, alias: str, version: int, *, expected: int | None, force: bool, reason: str) -> Json:
        """Point an alias at a version; only if it names `expected` now, unless that is None."""
        body: Json = {"version": version, "force": force, "reason": reason}
        if expected is not None:
            body["expected"] = expected
        return self._document("PUT", f"/tasks/{task}/aliases/{alias}", json=body)

    def rollback(self, task: str, alias: str, *, reason: str) -> Json:
        return self._document("POST", f"/tasks/{task}/rollback", json={"alias": alias, "reason": reason})

    def annotate(self, task: str, version: int, *, tags: Mapping[str, str | None], note: str | None = None) -> Json:
        """Set tags (None removes one) and, if it is not None, the note."""
        body = {"tags": dict(tags), "note": note}
        return self._document("PATCH", f"/tasks/{task}/versions/{version}", json=body)

    def policy(self, task: str) -> Json:
        return self._document("GET", f"/tasks/{task}/policy")

    def set_policy(self, task: str, policy: Json) -> Json:
        return self._document("PUT", f"/tasks/{task}/policy", json=policy)

    def clear_policy(self, task: str, *, reason: str) -> None:
        self._request("DELETE", f"/tasks/{task}/policy", params={"reason": reason})

    def predict(self, task: str, image: bytes, *, media_type: str, top_k: int = 1) -> Json:
        """One image's predictions by the task's live version, or by task@alias."""
        headers = {"Content-Type": media_type}
        return self._document("POST", f"/tasks/{task}/predict", params={"top_k": top_k}, content=image, headers=headers)

    def events(self, job: str) -> Iterator[ServerSentEvent]:
        """The job's events from the first to its end, across lost connections. Raises `StreamBroken`."""
        last: str | None = None
        for _ in range(_RECONNECTS):
            try:
                for event in self._stream(f"/jobs/{job}/events", last):
                    last = event.id or last
                    yield event  # no end at a final state: the replay of a retried job has the earlier runs' too
            except httpx.TransportError:
                continue
            if is_final(self.job(job)["state"]):
                return
        raise StreamBroken(job)

    def _stream(self, path: str, last: str | None) -> Iterator[ServerSentEvent]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        with self._http.stream("GET", path, headers=headers) as response:
            if not response.is_success:
                response.read()
                raise _refusal(response)
            yield from parse_events(response.iter_lines())

    def _document(self, method: str, path: str, **arguments: Any) -> Json:
        document: Json = self._json(method, path, **arguments)
        return document

    def _json(self, method: str, path: str, **arguments: Any) -> Any:
        return self._request(method, path, **arguments).json()

    def _request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.TransportError as error:
            raise ServiceUnreachable(self.url) from error
        if not response.is_success:
            raise _refusal(response)
        return response


def is_final(state: str) -> bool:
    """Whether a job in this state stays in it."""
    return state in {"succeeded", "failed", "cancelled"}


def state_of(data: Json) -> str:
    """The state that a `state` event reports."""
    return str(data["fields"]["state"])


def parse_events(lines: Iterable[str]) -> Iterator[ServerSentEvent]:
    """Server-sent events out of the lines of a stream, as the WHATWG standard reads them."""
    fields: dict[str, str] = {}
    last: str | None = None
    for line in lines:
        if not line:
            if "data" in fields:
                last = fields.get("id", last)
                yield ServerSentEvent(id=last, event=fields.get("event", "message"), data=json.loads(fields["data"]))
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value


def _rows(answer: Any, key: str) -> list[Json]:
    rows: list[Json] = answer[key] if isinstance(answer, dict) else answer
    return rows


def _refusal(response: httpx.Response) -> RequestRefused:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    return RequestRefused(
        response.request.method,
        response.request.url.path,
        response.status_code,
        str(problem.get("detail") or problem.get("title") or response.reason_phrase),
        problem.get("request_id") or response.headers.get("x-request-id"),
    )
