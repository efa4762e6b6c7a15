"""What commands say of a refusal beside the refusal itself."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from cli.service.advice import adding_advice
from nettailor_client import Client
from nettailor_client.errors import RequestRefused

Answers = Mapping[str, Any]
_TASKS = [{"task": "signs", "aliases": {"live": 1}, "latest": 1}, {"task": "birds", "aliases": {}, "latest": 2}]


def _problem(kind: str, **members: Any) -> httpx.Response:
    return httpx.Response(404, json={"type": f"urn:nettailor:problem:{kind}", "detail": "no", **members})


def _answering(answers: Answers) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        found = answers.get(request.url.path, httpx.Response(403, json={}))
        if callable(found):
            found = found(request)
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found)

    return answer


def _advice(answers: Answers, *, key: str | None = None) -> list[str]:
    http = httpx.Client(transport=httpx.MockTransport(_answering(answers)))
    with Client("http://service", key=key, http=http) as client:
        with pytest.raises(RequestRefused) as raised, adding_advice(client):
            client.predict("sings", b"image")
        return getattr(raised.value, "__notes__", [])


def _asked(kind: str, **members: Any) -> dict[str, Any]:
    return {"/tasks/sings/predict": _problem(kind, **members), "/tasks": _TASKS, "/jobs": []}


def _running(request: httpx.Request) -> Any:
    is_running = request.url.params["state"] == "running"
    return [{"id": "j", "task": "sings", "state": "running", "progress": 0.35}] if is_running else []


def test_a_task_that_is_mistyped() -> None:
    assert _advice(_asked("task-unknown", task="sings")) == ["did you mean 'signs'?"]
    assert _advice(_asked("task-unknown", task="quite-another")) == []


def test_a_task_that_is_being_tailored() -> None:
    (said,) = _advice(_asked("task-unknown", task="sings") | {"/jobs": _running})
    assert said == "it is being tailored now (35%): `nettailor jobs --task sings`"


def test_a_task_of_which_nothing_is_live() -> None:
    task = {**_TASKS[1], "live": None}
    (said,) = _advice(_asked("alias-unknown", task="birds", alias="live") | {"/tasks/birds": task})
    assert said == "version 2 is there: ask birds@2, or `nettailor registry promote`"


def test_an_alias_that_is_mistyped() -> None:
    task = {**_TASKS[0], "live": None}
    (said,) = _advice(_asked("alias-unknown", task="signs", alias="lvie") | {"/tasks/signs": task})
    assert said == "did you mean 'live'?"


def test_a_key_that_may_not_look_around_gets_the_refusal_alone() -> None:
    assert _advice({"/tasks/sings/predict": _problem("task-unknown", task="sings")}) == []


@pytest.mark.parametrize("key", [None, "ntk_x"])
def test_a_missing_key_and_a_wrong_one_name_the_variable(key: str | None) -> None:
    (said,) = _advice({"/tasks/sings/predict": httpx.Response(401, json={})}, key=key)
    assert "NETTAILOR_KEY" in said
    assert ("of no key that this service knows" in said) == (key is not None)
