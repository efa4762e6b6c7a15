"""A panel's queries as Prometheus takes them, outside of Grafana."""

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import httpx

Series = dict[str, Any]  # {"metric": {label: value}, "value" or "values": ...}


def filled(expr: str, *, rate_interval: str = "15s", variables: Mapping[str, str] | None = None) -> str:
    """The query with Grafana's variables replaced; those that are not given stand for everything."""
    values = {"__rate_interval": rate_interval, **(variables or {})}
    return re.sub(r"\$(\w+)", lambda found: values.get(found[1], ".*"), expr)


class Prometheus:
    """A Prometheus server's HTTP API; a context manager. A query that it refuses raises `httpx.HTTPStatusError`."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def instant(self, expr: str) -> list[Series]:
        return self._result("/api/v1/query", {"query": expr})

    def over(self, expr: str, *, start: float, end: float, step_s: float) -> list[Series]:
        """Times are Unix seconds."""
        return self._result("/api/v1/query_range", {"query": expr, "start": start, "end": end, "step": step_s})

    def targets_up(self) -> int:
        return sum(target["health"] == "up" for target in self._get("/api/v1/targets", {})["activeTargets"])

    def _result(self, path: str, parameters: Mapping[str, Any]) -> list[Series]:
        series: list[Series] = self._get(path, parameters)["result"]
        return series

    def _get(self, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._http.get(path, params=dict(parameters))
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()["data"]
        return data
