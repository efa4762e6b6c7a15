"""What is asked, and asked again, of a service that is overloaded or away."""

import json

import httpx

from nettailor_client import Client
from nettailor_client.folders.questions import Questions


def _answer(task: str, version: int) -> dict[str, object]:
    classes = [[{"label": "stop", "index": 0, "probability": 1.0}]]
    costs = {"tier": "device", "switch_ms": 0, "queue_ms": 0, "inference_ms": 0}
    return {"task": task, "version": version, "digest": "", "predictions": classes, **costs}


class _Service:
    """Answers as one whose `signs` becomes version 2 after the first image; each path and query is kept."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refusals: list[httpx.Response] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.raw_path.decode())
        if self.refusals:
            return self.refusals.pop(0)
        if request.url.path == "/predict":
            live = 1 if len(self.asked) == 1 else 2
            named = request.url.params["tasks"].split(",")
            results = [_answer(task.partition("@")[0], live if task == "signs" else 5) for task in named]
            return httpx.Response(200, content=json.dumps({"results": results}))
        *_, task, _, version, _ = request.url.path.split("/")
        return httpx.Response(200, content=json.dumps(_answer(task, int(version))))

    def client(self) -> Client:
        return Client("http://service", http=httpx.Client(transport=httpx.MockTransport(self)))


def _ask(service: _Service, questions: Questions, images: int) -> list[list[int]]:
    from nettailor_client.operation import run

    with service.client() as client:
        return [[p.version for p in run(questions.ask(client._session, b"image"))] for _ in range(images)]


def _questions(waits: list[None], **versions: int) -> Questions:
    return Questions(
        ["signs", "birds@next"],
        versions=versions,
        is_pinned=True,
        top_k=None,
        priority=-100,
        waiting=lambda: waits.append(None),
    )


def test_a_task_whose_alias_moved_is_asked_by_its_version_from_then_on() -> None:
    service = _Service()
    assert _ask(service, _questions([]), 3) == [[1, 5], [1, 5], [1, 5]]
    assert service.asked == [
        "/predict?tasks=signs%2Cbirds%40next&priority=-100",
        "/predict?tasks=signs%2Cbirds%40next&priority=-100",
        "/tasks/signs/versions/1/predict?priority=-100",
        "/predict?tasks=birds%40next&priority=-100",
        "/tasks/signs/versions/1/predict?priority=-100",
    ]


def test_an_overloaded_service_is_asked_again_when_it_says() -> None:
    service, waits = _Service(), list[None]()
    service.refusals = [
        httpx.Response(429, headers={"Retry-After": "0"}),
        httpx.Response(503, headers={"Retry-After": "0"}),
        httpx.Response(504),
    ]
    assert _ask(service, _questions(waits), 1) == [[2, 5]]
    assert len(waits) == 3
