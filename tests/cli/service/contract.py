"""What an OpenAPI document promises of the answers to each operation, held against real ones."""

import json
from typing import Any

import httpx
from jsonschema import Draft202012Validator

Json = Any

# Of requests that no operation is asked by: they are refused on their way to any, and `default` tells their kind.
_ON_THE_WAY = frozenset({400, 405, 408, 413, 414, 431})
_PROBLEMS = ("application/problem+json", "application/json")  # the latter of the Open Inference Protocol
_CLAIMS = {"title": str, "status": int, "detail": str, "error": str, "type": str}  # of every problem


class Contract:
    def __init__(self, document: Json) -> None:
        self._document = document
        self._validators: dict[str, Draft202012Validator] = {}

    def breach(self, method: str, path: str, answer: httpx.Response) -> str | None:
        """What is not as the document says about the operation; None where all is."""
        responses = self._document["paths"][path][method.lower()]["responses"]
        status = str(answer.status_code)
        if status not in responses and not (answer.status_code in _ON_THE_WAY and "default" in responses):
            return f"{status} is not in the document: {answer.text[:200]}"
        described = responses[status if status in responses else "default"]
        content = described.get("content", {})
        if not content:
            return f"{status} has a body" if answer.content else None
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind not in content:
            return f"{status} is of media type {kind!r}, not one of {list(content)}"
        missing = [
            name for name in described.get("headers", {}) if self._must_have(name) and name not in answer.headers
        ]
        if missing:
            return f"{status} has no {missing}"
        if kind.endswith("json"):
            return self._unlike(content[kind]["schema"], answer) or (problem_fault(answer) if answer.is_error else None)
        return None

    def _must_have(self, header: str) -> bool:
        return bool(self._document["components"]["headers"][header]["required"])

    def _unlike(self, schema: Json, answer: httpx.Response) -> str | None:
        """Where the JSON of an answer is not of its schema."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {**schema, "components": self._document["components"]}
            self._validators[key] = Draft202012Validator(whole)
        fault = next(self._validators[key].iter_errors(answer.json()), None)
        return None if fault is None else f"{answer.status_code} at {fault.json_path}: {fault.message[:200]}"


def problem_fault(answer: httpx.Response) -> str | None:
    """Why a refusal is no problem document of ours; None where it is one."""
    kind = answer.headers.get("content-type", "")
    if kind not in _PROBLEMS:
        return f"{answer.status_code} is of media type {kind!r}"
    problem = answer.json()
    wrong = [name for name, type_ in _CLAIMS.items() if not isinstance(problem.get(name), type_)]
    if wrong or problem["status"] != answer.status_code:
        return f"{answer.status_code} is no problem document: {problem}"
    return None
