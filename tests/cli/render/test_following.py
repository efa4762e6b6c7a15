"""Following jobs to their ends, and where they wait."""

import io
import threading
from collections.abc import Iterator

import pytest
from rich.console import Console

from cli.render import following
from cli.render.following import follow, place, telling_how_to_return
from nettailor_client import Client
from nettailor_client.answers.jobs import Event, Job, Place


def _event(kind: str, **data: object) -> Event:
    return Event.model_validate({"kind": kind, **data})


def test_whatever_goes_wrong_while_listening_ends_the_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Iterator[Event]:
        yield _event("stage", stage="teacher")
        raise ArithmeticError("nobody thought of it")

    monkeypatch.setattr(Client, "events", broken)
    with Client("http://service") as client, pytest.raises(ArithmeticError, match="nobody thought"):
        follow(client, {"digits": "j"}, Console(file=io.StringIO()))


def test_a_place_in_the_queue_in_words() -> None:
    assert place(None) == ""
    assert place(Place(ahead=2, workers=0)).startswith("no worker is running")
    assert [place(Place(ahead=ahead, workers=1)) for ahead in (0, 1, 2)] == [
        "next in the queue",
        "1 job ahead",
        "2 jobs ahead",
    ]


def test_a_job_that_waits_is_asked_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Event()
    written = io.StringIO()

    def events(*_: object, **__: object) -> Iterator[Event]:
        yield _event("state", fields={"state": "queued"})
        told.wait()
        yield _event("stage", stage="intake")

    def job(client: Client, job: str) -> Job:
        if "no worker" in written.getvalue():
            told.set()
        state = "succeeded" if told.is_set() else "queued"
        return Job(id="j", task="digits", state=state, queue=Place(ahead=1, workers=0))

    monkeypatch.setattr(Client, "events", events)
    monkeypatch.setattr(Client, "job", job)
    monkeypatch.setattr(following, "_QUEUE_LOOK_S", 0.01)
    with Client("http://service") as client:
        follow(client, {"digits": "j"}, Console(file=written, width=200))
    first, *_, last = written.getvalue().splitlines()
    assert first.startswith("digits: queued, no worker is running")
    assert last == "digits: intake"


def test_whoever_stops_watching_is_told_how_to_return() -> None:
    written = io.StringIO()
    with pytest.raises(KeyboardInterrupt), telling_how_to_return("j17", Console(file=written, width=200)):
        raise KeyboardInterrupt
    assert "nettailor watch j17" in written.getvalue()
