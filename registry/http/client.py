"""The registry's HTTP API as methods, for those who do not share its Redis and blobs."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import httpx
from pydantic import TypeAdapter

from hosting.web.problems import Problem
from nettailor.bundle.bundle import digest_of
from registry.errors import BlobCorrupt, RequestRefused
from registry.http.schemas import (
    AliasMove,
    HistoryEntry,
    Lineage,
    Task,
    TaskDetail,
    TaskPolicy,
    Version,
    VersionSummary,
)
from registry.policy.policy import Policy
from registry.policy.policy_check import Evidence
from registry.registry import LIVE
from registry.versions.aliases import ANY, AnyVersion

_EVIDENCE: TypeAdapter[Evidence | None] = TypeAdapter(Evidence | None)


class RegistryClient:
    """Close it, or use it as a context manager. A refusal raises `RequestRefused`, a lost connection httpx's own.

    `key` is the secret of a key, for a registry that asks for one; the actor is then the key's name.
    """

    def __init__(
        self,
        url: str,
        *,
        actor: str = "anonymous",
        key: str | None = None,
        timeout_seconds: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"X-Actor": actor} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._http = httpx.Client(base_url=url, timeout=timeout_seconds, transport=transport, headers=headers)

    def __enter__(self) -> "RegistryClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def tasks(self) -> list[Task]:
        return [Task.model_validate(task) for task in self._call("GET", "/tasks").json()]

    def task(self, task: str) -> TaskDetail:
        return TaskDetail.model_validate(self._call("GET", f"/tasks/{task}").json())

    def versions(self, task: str, *, tags: Mapping[str, str | None] | None = None) -> list[VersionSummary]:
        """Those with all of these tags; None as a tag's text: any."""
        wanted = [name if text is None else f"{name}={text}" for name, text in (tags or {}).items()]
        answer = self._call("GET", f"/tasks/{task}/versions", params={"tag": wanted}).json()
        return [VersionSummary.model_validate(version) for version in answer]

    def version(self, task: str, version: int) -> Version:
        return Version.model_validate(self._call("GET", f"/tasks/{task}/versions/{version}").json())

    def lineage(self, task: str, version: int) -> Lineage:
        return Lineage.model_validate(self._call("GET", f"/tasks/{task}/versions/{version}/lineage").json())

    def history(self, task: str) -> list[HistoryEntry]:
        answer = self._call("GET", f"/tasks/{task}/history").json()
        return [HistoryEntry.model_validate(entry) for entry in answer]

    def bundle(self, task: str, version: int) -> bytes:
        """The bundle's bytes. Raises `BlobCorrupt` if they changed on the way."""
        return _verified(self._call("GET", f"/tasks/{task}/versions/{version}/bundle"))

    def attachment(self, task: str, version: int, name: str) -> bytes:
        """Raises `BlobCorrupt` if it changed on the way."""
        return _verified(self._call("GET", f"/tasks/{task}/versions/{version}/attachments/{name}"))

    def publish(self, task: str, data: bytes, *, note: str = "") -> Version:
        answer = self._call("POST", f"/tasks/{task}/versions", content=data, params={"note": note})
        return Version.model_validate(answer.json())

    def promote(
        self,
        task: str,
        alias: str,
        version: int,
        *,
        expected: AnyVersion | int | None = ANY,
        reason: str = "",
        force: bool = False,
    ) -> AliasMove:
        """Where the task's policy is not passed, the `RequestRefused` has the evidence."""
        body: dict[str, Any] = {"version": version, "reason": reason, "force": force}
        if expected is not ANY:
            body["expected"] = expected
        return AliasMove.model_validate(self._call("PUT", f"/tasks/{task}/aliases/{alias}", json=body).json())

    def rollback(self, task: str, *, alias: str = LIVE, reason: str = "") -> AliasMove:
        body = {"alias": alias, "reason": reason}
        return AliasMove.model_validate(self._call("POST", f"/tasks/{task}/rollback", json=body).json())

    def annotate(
        self, task: str, version: int, *, tags: Mapping[str, str | None] | None = None, note: str | None = None
    ) -> Version:
        """Set tags (None removes one) and, if it is not None, the note."""
        body = {"tags": dict(tags or {}), "note": note}
        return Version.model_validate(self._call("PATCH", f"/tasks/{task}/versions/{version}", json=body).json())

    def policy(self, task: str) -> TaskPolicy:
        return TaskPolicy.model_validate(self._call("GET", f"/tasks/{task}/policy").json())

    def set_policy(self, task: str, policy: Policy, *, reason: str = "") -> TaskPolicy:
        body = {**vars(policy), "reason": reason}
        return TaskPolicy.model_validate(self._call("PUT", f"/tasks/{task}/policy", json=body).json())

    def clear_policy(self, task: str, *, reason: str = "") -> None:
        self._call("DELETE", f"/tasks/{task}/policy", params={"reason": reason})

    def delete_version(self, task: str, version: int, *, reason: str = "") -> None:
        self._call("DELETE", f"/tasks/{task}/versions/{version}", params={"reason": reason})

    def delete_task(self, task: str, *, reason: str = "") -> None:
        self._call("DELETE", f"/tasks/{task}", params={"reason": reason})

    def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self._http.request(method, path, **options)
        if answer.is_error:
            problem = _problem(answer)
            evidence = _EVIDENCE.validate_python((problem.model_extra or {}).get("evidence"))
            raise RequestRefused(answer.status_code, problem.detail, evidence=evidence)
        return answer


def _verified(answer: httpx.Response) -> bytes:
    digest = answer.headers["ETag"].strip('"')
    if digest_of(answer.content) != digest:
        raise BlobCorrupt(digest, digest_of(answer.content))
    return answer.content


def _problem(answer: httpx.Response) -> Problem:
    try:
        return Problem.model_validate_json(answer.content)
    except ValueError:  # a proxy's own page
        text = answer.text[:500]
        return Problem(title=answer.reason_phrase, status=answer.status_code, detail=text, error=text)
