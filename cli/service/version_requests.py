"""What can be asked of a service about tasks, their versions and aliases."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import httpx

from cli.errors import AnswerCorrupt, ServiceUnreachable
from cli.service.session import Json, Session, path_of

_EXPORT_TIMEOUT = httpx.Timeout(30.0, read=600.0)  # seconds; the service answers when the file is made

# What an alias must name for a promote to happen: this version, no matter what, or nothing (there is no such alias).
Expected = int | Literal["anything", "nothing"]


class VersionRequests(Session):
    """Every method raises `ServiceUnreachable`, or `RequestRefused` for a problem document."""

    def tasks(self) -> list[Json]:
        return self._rows("/tasks", "tasks")

    def task(self, task: str) -> Json:
        return self._document("GET", path_of("tasks", task))

    def versions(self, task: str, *, tags: Sequence[str] = ()) -> list[Json]:
        """Those with all of these tags, each `name=text` or `name`."""
        return self._rows(path_of("tasks", task, "versions"), "versions", params={"tag": list(tags)})

    def version(self, task: str, version: int) -> Json:
        """With the bundle's whole manifest."""
        return self._document("GET", path_of("tasks", task, "versions", version))

    def lineage(self, task: str, version: int) -> Json:
        return self._document("GET", path_of("tasks", task, "versions", version, "lineage"))

    def history(self, task: str) -> list[Json]:
        return self._rows(path_of("tasks", task, "history"), "history")

    def bundle(self, task: str, version: int) -> bytes:
        """Raises `AnswerCorrupt` if the bytes changed on the way."""
        return self._verified(path_of("tasks", task, "versions", version, "bundle"))

    @contextmanager
    def export(self, task: str, version: int, *, format: str, dtype: str) -> Iterator[httpx.Response]:
        """The version's network as a file, while it arrives; making it may take the service minutes."""
        path = path_of("tasks", task, "versions", version, "export")
        try:
            with self._stream(path, params={"format": format, "dtype": dtype}, timeout=_EXPORT_TIMEOUT) as answer:
                yield answer
        except httpx.TransportError as error:
            raise ServiceUnreachable(self.url) from error

    def attachment(self, task: str, version: int, name: str) -> bytes:
        """Raises `AnswerCorrupt` if the bytes changed on the way."""
        return self._verified(path_of("tasks", task, "versions", version, "attachments", name))

    def publish(self, task: str, bundle: bytes, *, note: str = "") -> Json:
        """Make a bundle the next version of the task; the same bytes again are the version they already are."""
        return self._document("POST", path_of("tasks", task, "versions"), content=bundle, params={"note": note})

    def front(self, task: str, version: int) -> list[Json]:
        """Every network that was tried when the version was made."""
        return self._rows(path_of("tasks", task, "versions", version, "front"), "points")

    def publish_point(self, task: str, version: int, k: int, *, alias: str | None, reason: str) -> Json:
        """Make another network of the front a version of the task."""
        body = {"alias": alias, "reason": reason}
        return self._document("POST", path_of("tasks", task, "versions", version, "front", k), json=body)

    def promote(
        self,
        task: str,
        alias: str,
        version: int,
        *,
        expected: Expected = "anything",
        force: bool = False,
        reason: str = "",
    ) -> Json:
        """Point an alias at a version if it names `expected` now.

        Where the task's policy is not passed, the `problem` of the `RequestRefused` has the evidence.
        """
        body: Json = {"version": version, "force": force, "reason": reason}
        if expected != "anything":
            body["expected"] = None if expected == "nothing" else expected
        return self._document("PUT", path_of("tasks", task, "aliases", alias), json=body)

    def rollback(self, task: str, alias: str = "live", *, reason: str = "") -> Json:
        return self._document("POST", path_of("tasks", task, "rollback"), json={"alias": alias, "reason": reason})

    def annotate(
        self, task: str, version: int, *, tags: Mapping[str, str | None] | None = None, note: str | None = None
    ) -> Json:
        """Set tags (None removes one) and, if it is not None, the note."""
        body = {"tags": dict(tags or {}), "note": note}
        return self._document("PATCH", path_of("tasks", task, "versions", version), json=body)

    def policy(self, task: str) -> Json:
        return self._document("GET", path_of("tasks", task, "policy"))

    def set_policy(self, task: str, policy: Mapping[str, float | None], *, reason: str = "") -> Json:
        """Replace the whole policy; a requirement that is None or left out is none."""
        return self._document("PUT", path_of("tasks", task, "policy"), json={**policy, "reason": reason})

    def clear_policy(self, task: str, *, reason: str = "") -> None:
        self._request("DELETE", path_of("tasks", task, "policy"), params={"reason": reason})

    def delete_version(self, task: str, version: int, *, reason: str = "") -> None:
        self._request("DELETE", path_of("tasks", task, "versions", version), params={"reason": reason})

    def delete_task(self, task: str, *, reason: str = "") -> None:
        self._request("DELETE", path_of("tasks", task), params={"reason": reason})

    def _verified(self, path: str) -> bytes:
        answer = self._request("GET", path)
        promised, found = answer.headers["ETag"].strip('"'), f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        if found != promised:
            raise AnswerCorrupt(path, promised, found)
        return answer.content
