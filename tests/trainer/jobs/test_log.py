"""The log of a job: bounded, in order, followed live, and without a secret in it."""

import os
import sys
from pathlib import Path

import httpx
import redis
from hypothesis import given
from hypothesis import strategies as st

from hosting.redis_server.embedded import EmbeddedRedis
from hosting.telemetry.redaction import STRUCK, Redactor
from registry.wiring import connect
from tests.processes.redis_server import restart
from tests.trainer.uploads import upload
from tests.waiting import PATIENCE_SECONDS, until
from trainer.events import Event
from trainer.jobs.log import KEPT_LINES, LINE_CHARACTERS, LogPump, log_key, spawned
from trainer.service import Service
from trainer.workers.job_run import begin

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
    "NETTAILOR_REDIS_URL": "redis://:hunter%2Ftwo@redis:6379/0",
    "FSSPEC_S3": '{"key": "AKIAIOSFODNN7EXAMPLE", "client_kwargs": {"aws_session_token": "session-token-value"}}',
    "NETTAILOR_KEY": "nt_0123456789abcdef",
}
HIDDEN = (
    *("wJalrXUtnFEMI/K7MDENG", "hunter%2Ftwo", "hunter/two", "AKIAIOSFODNN7EXAMPLE", "session-token-value"),
    "nt_0123456789abcdef",
)


class Said:
    """What a job process would print, through a real pipe."""

    def __init__(self, client: "redis.Redis", job: str) -> None:
        reading, self._writing = os.pipe()
        self._pump = LogPump(reading, client, job, Redactor(SECRETS))
        self._pump.start()

    def say(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self._writing, data) :]

    def end(self) -> None:
        os.close(self._writing)
        self._pump.join(timeout_seconds=PATIENCE_SECONDS)


def lines(text: str) -> list[str]:
    """Without their times."""
    return [line.partition(" ")[2] for line in text.splitlines()]


def test_events_and_lines_in_the_order_of_time_then_followed_to_the_end(http: httpx.Client, service: Service) -> None:
    job = upload(http).json()["id"]
    run = begin(service.jobs, job, 1)
    process = Said(service.jobs.store.client, job)
    process.say("loading\n")
    until(lambda: "loading" in http.get(f"/jobs/{job}/logs").text, "the line is there while the job runs")
    run.report(Event(kind="epoch", stage="teacher", progress=0.5, fields={"epoch": 1, "loss": 0.5, "alphas": {}}))
    process.say("half a line")
    process.end()
    expected = [
        "state: state=queued attempt=0",
        "state: state=running attempt=1",
        "| loading",
        "teacher epoch: epoch=1 loss=0.5",
        "| half a line",
    ]
    answer = http.get(f"/jobs/{job}/logs")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert lines(answer.text) == expected
    assert lines(http.get(f"/jobs/{job}/logs?tail=2").text) == expected[-2:]
    text = ""
    with http.stream("GET", f"/jobs/{job}/logs?follow=true&tail=1") as stream:
        for piece in stream.iter_text():
            text += piece
            if "half a line" in text and run.job.state == "running":  # the past was told: now live
                run.succeed({"version": 7})
    assert lines(text) == [expected[-1], "teacher state: state=succeeded attempt=1 result=7"]
    assert http.get(f"/jobs/{job}/logs?follow=true").text == http.get(f"/jobs/{job}/logs").text
    assert http.get("/jobs/none/logs").status_code == 404
    assert http.get(f"/jobs/{job}/logs?tail=0").status_code == 422


def test_a_flood_is_bounded_and_nothing_controls_a_terminal(http: httpx.Client, service: Service) -> None:
    job = upload(http).json()["id"]
    process = Said(service.jobs.store.client, job)
    process.say("\x1b[31mred\x1b[0m\x07\r10%\r20%\n" + "x" * 50_000 + "\n")
    until(lambda: "xxx" in http.get(f"/jobs/{job}/logs").text, "the lines are there")
    start = lines(http.get(f"/jobs/{job}/logs").text)[1:]
    assert start[:3] == ["| red", "| 10%", "| 20%"]
    assert all(len(line) <= LINE_CHARACTERS + 10 for line in start)
    process.say("".join(f"line {number}\n" for number in range(5 * KEPT_LINES)))
    process.end()
    kept = lines(http.get(f"/jobs/{job}/logs").text)
    assert kept[-1] == f"| line {5 * KEPT_LINES - 1}"
    assert KEPT_LINES <= len(kept) <= KEPT_LINES + 200  # Redis trims whole nodes
    numbers = [int(line.removeprefix("| line ")) for line in kept if line.startswith("| line ")]
    assert numbers == sorted(numbers)


def test_a_process_leads_a_session_of_its_own(http: httpx.Client, service: Service) -> None:
    """It can be nice to others only as one of another session (`yield_processor`)."""
    job, program = upload(http).json()["id"], "import os; print('leads' if os.getsid(0) == os.getpid() else 'follows')"
    pid, pump = spawned([sys.executable, "-c", program], dict(os.environ), service.jobs.store.client, job)
    assert os.waitpid(pid, 0)[1] == 0
    pump.join(timeout_seconds=PATIENCE_SECONDS)
    assert lines(http.get(f"/jobs/{job}/logs").text)[-1] == "| leads"


def test_no_secret_is_kept(http: httpx.Client, service: Service, redis_client: "redis.Redis") -> None:
    job = upload(http).json()["id"]
    process = Said(service.jobs.store.client, job)
    for secret in HIDDEN:
        process.say(f"cannot connect with {secret} to it\n")
    process.say("GET https://ada:letmein@example.org/x with Authorization: Bearer abc.def-ghi, password=opensesame\n")
    process.end()
    run = begin(service.jobs, job, 1)
    run.report(Event(kind="log", stage="intake", progress=0, fields={"message": "redis://:letmein@redis is away"}))
    text = http.get(f"/jobs/{job}/logs").text
    stored = str(redis_client.xrange(log_key(job)))
    for secret in (*HIDDEN, "letmein", "abc.def", "opensesame"):
        assert secret not in text
    assert "letmein" not in stored
    assert text.count(STRUCK) >= len(HIDDEN)


def test_lines_wait_for_a_redis_that_is_away(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server, connect(server.url) as client:
        process = Said(client, "j")
        process.say("before\n")
        until(lambda: client.xlen(log_key("j")), "the first line is there")
        restart(server, lambda: process.say("meanwhile\n"))
        until(lambda: client.xlen(log_key("j")) == 2, "the second line is there")
        process.end()


@given(secret=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=6), around=st.text())
def test_a_known_secret_never_passes(secret: str, around: str) -> None:
    redact = Redactor({"SOME_TOKEN": secret, "HARMLESS": "around"})
    assert secret not in redact(f"{around} {secret} {around}") or secret in STRUCK


def test_what_is_no_secret_stays() -> None:
    redact = Redactor({"NETTAILOR_DATA_DIR": "/var/lib/nettailor", "MY_KEY": "abc", "JSON": "{no json"})
    for text in ("abc in /var/lib/nettailor", "token count 5", "http://redis:6379/0", "keys of the model: stem.weight"):
        assert redact(text) == text
