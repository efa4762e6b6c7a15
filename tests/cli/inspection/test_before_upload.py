"""The look that `nettailor tailor` takes before it uploads: shown, asked about, and what the service says, too."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from cli.inspection.look import look
from cli.main import app
from cli.service.app import serving
from cli.service.packing import packed
from nettailor_client import Client
from server.settings import ServerSettings
from tests.cli.inspection.folders import BARE, GOOD, ODD, laid_out
from tests.documented import ROOT
from tests.server.measured_once import measured_once
from tests.serving import served
from tests.trainer import archives
from tests.waiting import until
from trainer.http.app import create_app
from trainer.service import Service
from trainer.settings import Settings


@pytest.fixture
def url(tmp_path: Path, redis_url: str) -> Iterator[str]:
    """Of a trainer without a worker."""
    settings = Settings(data_dir=tmp_path / "data", redis_url=redis_url, job_niceness=0)
    with Service(settings, redis_url) as service, served(create_app(service)) as url:
        yield url


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    return laid_out(tmp_path / "pets", ODD)


def command(data: Path, url: str, *options: str) -> list[str]:
    return ["tailor", str(data), "--task", "pets", "--preset", "fast", "--seed", "3", "--url", url, *options]


def tailored(data: Path, url: str, *options: str) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, command(data, url, *options))


class Terminal:
    """A command that somebody has typed into a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self._controller, inner = os.openpty()
        environment = os.environ | {"COLUMNS": "160", "TERM": "xterm"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=environment,
            cwd=ROOT,
        )
        os.close(inner)
        self.shown = ""

    def read_until(self, text: str) -> None:
        while text not in self.shown:
            self.shown += self._read()

    def read_to_the_end(self) -> int:
        with contextlib.suppress(OSError):  # EIO: the command has ended
            while True:
                self.shown += self._read()
        return self.process.wait()

    def type(self, text: str) -> None:
        os.write(self._controller, text.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._controller)

    def _read(self) -> str:
        """Raises OSError at the end."""
        return os.read(self._controller, 1 << 16).decode(errors="replace")


@contextlib.contextmanager
def typed(*arguments: str) -> Iterator[Terminal]:
    terminal = Terminal(*arguments)
    try:
        yield terminal
    finally:
        terminal.close()


def test_what_cannot_be_trained_on_is_not_uploaded(url: str, tmp_path: Path) -> None:
    result = tailored(laid_out(tmp_path / "bare", BARE), url, "--yes")
    assert result.exit_code == 1
    assert "The images lie in the folders test, train" in result.stderr
    assert "2 left out" in result.stdout
    assert httpx.get(f"{url}/jobs", trust_env=False).json() == []


def test_a_no_uploads_nothing(url: str, odd: Path) -> None:
    with typed(*command(odd, url)) as terminal:
        terminal.read_until("There is 1 warning. Tailor to it all the same? [y/N]")
        terminal.type("n\n")
        assert terminal.read_to_the_end() == 1
    assert "nothing was uploaded" in terminal.shown
    assert "2 classes, 20 images" in terminal.shown
    assert httpx.get(f"{url}/jobs", trust_env=False).json() == []


@pytest.mark.parametrize(("options", "answer"), [((), "y\n"), pytest.param(("--yes",), "", marks=pytest.mark.nightly)])
def test_a_yes_goes_on(url: str, odd: Path, options: tuple[str, ...], answer: str) -> None:
    with typed(*command(odd, url, *options)) as terminal, Client(url) as client:
        if answer:
            terminal.read_until("[y/N]")
            terminal.type(answer)
        (job,) = until(client.jobs, "the job is there", process=terminal.process)
        client.cancel(job.id)
        assert terminal.read_to_the_end() == 1
        assert f"job {job.id} cancelled" in terminal.shown
        assert ("[y/N]" in terminal.shown) == bool(answer)


def test_what_is_too_large_to_be_looked_at_is_left_to_the_service(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = laid_out(tmp_path / "large", {**GOOD, "large.png": archives.picture(1, side=700)})
    monkeypatch.setenv("NETTAILOR_UNPACKED_MIB", "1")
    with Client(url) as client:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", *command(folder, url)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        (job,) = until(client.jobs, "the job is there", process=process)
        client.cancel(job.id)
        shown, _ = process.communicate()
    assert "not looked at before the upload: " in shown
    assert "the limit is 1048576" in shown


def test_the_service_finds_what_was_found_here(url: str, odd: Path) -> None:
    with packed(odd) as archive, Client(url) as client:
        here = look(odd, archive, group_by="c(at|op)")
        assert client.inspect(archive, group_by="c(at|op)").as_json() == here.as_json()


@pytest.mark.nightly  # a worker and a job; by day each step of it is tried above, and reports in trainer/reports
def test_the_whole_way(tmp_path: Path, redis_url: str, backbone: str, odd: Path) -> None:
    """Only the recipe is a fake. Nobody is asked without a terminal; what is shown is what job and pages say."""
    folder = tmp_path / "data"
    settings = Settings(data_dir=folder, redis_url=redis_url, job_niceness=0)
    server = ServerSettings(data_dir=folder, device="cpu", winograd=False)
    environment = os.environ | {"NETTAILOR_DATA_DIR": str(folder), "NETTAILOR_REDIS_URL": redis_url, "COLUMNS": "160"}
    worker = [sys.executable, "-m", "tests.trainer.workers.programs.fake_worker"]
    with measured_once(), serving(server, settings, redis_url) as (app, _), served(app) as url:
        working = subprocess.Popen(worker, env=environment, cwd=ROOT, start_new_session=True)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "cli", *command(odd, url, "--group-by", "[a-z]+/[0-9]+")],
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            working.terminate()
            working.wait()
        assert done.returncode == 0, done.stdout + done.stderr
        shown = done.stdout
        assert shown.index("2 classes, 20 images") < shown.index("warning: The folder .hidden") < shown.index("job ")
        assert "pets version 1 is live" in shown
        with packed(odd) as archive:
            here = look(odd, archive, group_by="[a-z]+/[0-9]+").as_json()
        (job,) = httpx.get(f"{url}/jobs", trust_env=False).json()
        assert {name: job["inspection"][name] for name in here} == json.loads(json.dumps(here))
        for page in (f"/jobs/{job['id']}/dataset/report", "/tasks/pets/versions/1/report"):
            text = httpx.get(f"{url}{page}", trust_env=False).text
            for words in ("read as: <b>class folders</b>", "The folder .hidden is hidden", "a duplicate of cats/1.png"):
                assert words in text, page
