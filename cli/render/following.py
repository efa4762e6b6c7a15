"""Watching jobs until they end: their server-sent events go to the bars, and where they wait to be begun is asked."""

import contextlib
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

from cli.errors import JobEnded
from cli.render.progress import JobBars, reason
from nettailor.printable import printable
from nettailor_client import IMPATIENT, Client, ClientError
from nettailor_client.answers.jobs import Event, Job, Place
from nettailor_client.errors import ServiceUnreachable, StreamBroken

_QUEUE_LOOK_S = 2.0  # between two questions where a job stands that waits


@dataclass(frozen=True, kw_only=True)
class _Heard:
    """One event of a job; `event` is None after its last. `error` says if they broke off, `waits` that the service is
    away for now."""

    task: str
    event: Event | None = None
    error: Exception | None = None
    waits: bool = False


def follow(client: Client, jobs: Mapping[str, str], console: Console) -> dict[str, Job]:
    """Show the jobs (task -> job id) until all ended; the job documents by task.

    Raises `JobEnded` for the first that did not succeed, `StreamBroken`, `ServiceUnreachable`.
    """
    heard: queue.Queue[_Heard] = queue.Queue()
    for task, job in jobs.items():
        # daemons: Ctrl-C must not wait for a stream that is silent
        threading.Thread(target=_listen, args=(client.url, client.key, task, job, heard), daemon=True).start()
    with JobBars(console) as bars, Client(client.url, key=client.key, patience=IMPATIENT) as asker:
        for task in jobs:
            bars.add(task)
        open_streams = set(jobs)
        while open_streams:
            try:
                item = heard.get(timeout=_QUEUE_LOOK_S)
            except queue.Empty:
                _show_places(asker, jobs, bars)
                continue
            if item.error is not None:
                raise item.error
            if item.waits:
                bars.wait(item.task)
            elif item.event is None:
                open_streams.remove(item.task)
            else:
                bars.update(item.task, item.event)
    return {task: _succeeded(client.job(job)) for task, job in jobs.items()}


def _show_places(client: Client, jobs: Mapping[str, str], bars: JobBars) -> None:
    for task, job in jobs.items():
        if bars.is_queued(task):
            with contextlib.suppress(ClientError):  # whoever listens to its events says that the service is away
                bars.show_place(task, place(client.job(job).queue))


def place(found: Place | None) -> str:
    """Where a job stands that waits, in words."""
    if found is None:
        return ""
    if not found.workers:
        return "no worker is running; `nettailor up` and `python -m trainer.worker` start one"
    return f"{found.ahead} job{'s' if found.ahead > 1 else ''} ahead" if found.ahead else "next in the queue"


@contextmanager
def telling_how_to_return(job: str, console: Console) -> Iterator[None]:
    """Whoever stops watching, or is cut off, is told how to see the job again."""
    try:
        yield
    except (KeyboardInterrupt, ServiceUnreachable, StreamBroken):
        console.print(printable(f"the job goes on while the service runs; to watch it again: nettailor watch {job}"))
        raise


def _listen(url: str, key: str | None, task: str, job: str, heard: "queue.Queue[_Heard]") -> None:
    """Over a client of its own: events keep a connection for as long as they come."""
    try:
        with Client(url, key=key) as client:
            for event in client.events(job, waiting=lambda: heard.put(_Heard(task=task, waits=True))):
                heard.put(_Heard(task=task, event=event))
        heard.put(_Heard(task=task))
    except Exception as error:  # whatever it is, whoever waits for this thread raises it
        heard.put(_Heard(task=task, error=error))


def _succeeded(job: Job) -> Job:
    if job.state != "succeeded":
        raise JobEnded(job.id, job.state, reason(job))
    return job
