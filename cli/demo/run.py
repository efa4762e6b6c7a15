"""The whole path, as a user would go it: start, upload two datasets, watch them being tailored, predict."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from rich.console import Console

from cli.console import PlainConsole
from cli.demo.data import DEMO_SETS
from cli.errors import FolderNotEmpty
from cli.render.figures import Figures, figures_table
from cli.render.following import follow
from cli.render.predictions import predictions_table, switch_p50
from cli.render.report import published, version_figures
from cli.service.local_service import LocalService
from nettailor_client import Client
from nettailor_client.answers.predictions import Prediction
from nettailor_client.request import Json

_ROUNDS = 8  # predictions a task

# The two jobs side by side, each with half of the cores: networks this small gain little from a second thread.
_WORKERS = {"NETTAILOR_WORKER_JOBS_PER_DEVICE": "2"}


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    tasks: tuple[Figures, ...]
    switch_ms_p50: float
    seconds: float

    def document(self) -> Json:
        """The JSON of `nettailor demo --json`."""
        document = asdict(self)
        return {"demo": {**document, "tasks": list(document["tasks"])}}


def run_demo(*, data_dir: Path | None, keep: bool, as_json: bool, preset: str) -> None:
    """Run the demo on a fresh folder. With `as_json` the report goes to stderr and one line of JSON to stdout.

    Raises `FolderNotEmpty` and whatever else ends the demo early.
    """
    console = PlainConsole(stderr=as_json)
    with _fresh_folder(data_dir, keep=keep) as folder:
        demo = _Demo(folder, preset=preset, console=console)
        try:
            result = demo.run()
            if keep:
                console.print(f"Running until Ctrl-C; the data folder is {folder}")
            if as_json:
                print(json.dumps(result.document()), flush=True)
            if keep:
                demo.wait()
        finally:
            demo.close()


@contextmanager
def _fresh_folder(chosen: Path | None, *, keep: bool) -> Iterator[Path]:
    if chosen is not None:
        if chosen.exists() and any(chosen.iterdir()):
            raise FolderNotEmpty(chosen)
        yield chosen
    elif keep:
        yield Path(mkdtemp(prefix="nettailor-demo-"))
    else:
        with TemporaryDirectory(prefix="nettailor-demo-") as folder:
            yield Path(folder)


class _Demo:
    """One run on a service of its own."""

    def __init__(self, data_dir: Path, *, preset: str, console: Console) -> None:
        self._service = LocalService(data_dir, defaults=_WORKERS)
        self._preset = preset
        self._console = console
        self._started = time.monotonic()

    def wait(self) -> None:
        """Until the service ends."""
        self._service.wait()

    def close(self) -> None:
        self._service.stop()

    def run(self) -> DemoResult:
        """Raises `CommandError`s."""
        self._say("1", "starting the service: registry, trainer and server on one port")
        url = self._service.start()
        self._console.print(f"  {url}")
        with Client(url, key=os.environ.get("NETTAILOR_KEY")) as client:
            self._say("2", f"uploading two datasets and tailoring the network to each (preset {self._preset!r})")
            ended = follow(client, self._upload(client), self._console)
            figures = tuple(version_figures(client, task, published(job)) for task, job in ended.items())
            self._console.print(figures_table(figures))
            self._say("3", "predictions on images nobody trained on, the two tasks taking turns")
            answers = _alternate(client)
        self._console.print(predictions_table(answers))
        result = DemoResult(
            tasks=figures,
            switch_ms_p50=switch_p50([answer for _, answer in answers]),
            seconds=round(time.monotonic() - self._started, 1),
        )
        self._console.print(f"median switch between tasks: {result.switch_ms_p50:.3f} ms")
        self._console.print(f"everything took {result.seconds:.0f} s\n")
        self._urls(url)
        return result

    def _upload(self, client: Client) -> dict[str, str]:
        jobs = {}
        with TemporaryDirectory(prefix="nettailor-demo-sets-") as scratch:
            for data in DEMO_SETS:
                archive = Path(scratch, f"{data.task}.zip")
                images = data.write(archive)
                job = client.upload(data.task, archive, options={"preset": self._preset})
                jobs[data.task] = job.id
                self._console.print(f"  {data.task}: {images} images, {data.description}")
        return jobs

    def _urls(self, url: str) -> None:
        self._console.print("To open", style="bold", end=" ")
        self._console.print("(the demo stops the service at its end; --keep leaves it running)")
        for path, what in _PAGES.items():
            self._console.print(f"  {url + path:<40} {what}")

    def _say(self, number: str, text: str) -> None:
        self._console.print(f"\n{number}. {text}", style="bold")


_PAGES = {
    "/docs": "the API, to try out",
    "/tasks": "the tasks, their versions and aliases",
    "/jobs": "the tailoring jobs",
    "/metrics": "Prometheus metrics",
}


def _alternate(client: Client) -> list[tuple[str, Prediction]]:
    samples = [(data.task, data.samples(_ROUNDS)) for data in DEMO_SETS]
    answers = []
    for turn in range(_ROUNDS):
        for task, images in samples:
            label, image = images[turn]
            answers.append((label, client.predict(task, image, top_k=1)))
    return answers
