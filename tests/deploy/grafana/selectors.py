"""The series that alert rules ask for, and those that their tests make up."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.documented import ROOT

_SELECTOR = re.compile(r"\b(nettailor_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Selector:
    """A metric and the labels it is asked for with."""

    where: str
    metric: str
    labels: tuple[tuple[str, str], ...]


def rule_selectors() -> Iterator[Selector]:
    for rule in _rules():
        yield from _selectors(str(rule["alert"]), str(rule["expr"]))


def series_of_tests() -> Iterator[Selector]:
    for test in _document("alerts_test.yml")["tests"]:
        for series in test["input_series"]:
            yield from _selectors(str(test["name"]), str(series["series"]))


def alerts() -> set[str]:
    return {str(rule["alert"]) for rule in _rules()}


def alerts_of_tests() -> set[str]:
    """The alerts that a test expects to fire."""
    cases = [case for test in _document("alerts_test.yml")["tests"] for case in test["alert_rule_test"]]
    return {str(case["alertname"]) for case in cases if case.get("exp_alerts")}


def scrape_jobs() -> set[str]:
    return {str(job["job_name"]) for job in _document("prometheus.yml")["scrape_configs"]}


def _rules() -> Iterator[dict[str, Any]]:
    for group in _document("alerts.yml")["groups"]:
        yield from group["rules"]


def _selectors(where: str, text: str) -> Iterator[Selector]:
    for metric, matchers in _SELECTOR.findall(text):
        yield Selector(where=where, metric=metric, labels=tuple(_MATCHER.findall(matchers)))


def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus" / name).read_text())
    return document
