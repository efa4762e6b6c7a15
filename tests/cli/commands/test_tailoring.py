"""What people ask of a tailoring and what they do with its front, as they type it, against a real trainer over HTTP."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from cli.render.report import comparison, ended_early, time_used
from nettailor_client import Client
from tests.bundles import ZERO_FINGERPRINT
from tests.serving import served
from tests.trainer import archives
from tests.trainer.publishing.points import ACCURACIES, point
from trainer.http.app import create_app
from trainer.recipe.pareto import store_pareto_front
from trainer.service import Service
from trainer.settings import Settings


@pytest.fixture
def url(tmp_path: Path, redis_url: str) -> Iterator[str]:
    """Of a trainer with one version of `pets`, live, and its front."""
    settings = Settings(data_dir=tmp_path / "data", redis_url=redis_url)
    with Service(settings, redis_url) as service, served(create_app(service)) as url:
        points = [point(ZERO_FINGERPRINT, k, accuracy) for k, accuracy in ACCURACIES.items()]
        (chosen,) = (one for one in points if one.chosen)
        attached = store_pareto_front(points, service.blobs)
        service.registry.publish("pets", chosen.bundle, actor="trainer", attachments=attached)
        service.registry.promote("pets", "live", 1, actor="trainer", reason="")
        yield url


def _front(url: str, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["registry", "front", "pets", "1", *arguments, "--url", url])


def test_a_front_is_listed_and_its_points_published(url: str) -> None:
    text = " ".join(_front(url).output.split())  # wherever a line ends
    for shown in ("92.0%", "89.8%", "chosen", "within the target", "best"):
        assert shown in text
    assert _front(url, "--publish", "9", "--alias", "live").output == "pets version 2 is live\n"
    assert _front(url, "--publish", "3").output == "pets version 3\n"
    refused = _front(url, "--publish", "10", "--alias", "live")
    assert (refused.exit_code, "version 4 was published, but live was not moved" in refused.output) == (1, True)
    assert _front(url, "--publish", "4").exit_code == 1
    assert _front(url, "--alias", "live").exit_code == 2


def test_a_search_that_was_ended_early_says_so() -> None:
    early = {"by": "ada", "at": "2026-11-28T12:00:00.000+00:00", "candidates": [6, 2], "skipped": 4}
    assert ended_early(early) == (
        "ada ended the search early: it had measured 2 networks and would have gone on without 4 blocks"
    )


def test_a_job_that_its_time_cut_short_says_what_was_skipped() -> None:
    limited = {
        "used_minutes": 0.98,
        "max_minutes": 1.0,
        "skipped": ["teacher: 2 of 15 epochs", "validation: 1 of 2 folds"],
    }
    assert time_used(limited) == (
        "time-limited (1.0 of 1 minutes used): teacher: 2 of 15 epochs, validation: 1 of 2 folds"
    )
    assert time_used(limited | {"skipped": []}) == "1.0 of 1 minutes used"


def test_a_packed_folder_is_gone_once_it_is_uploaded(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The training takes hours, and whoever closes the terminal meanwhile would leave it for ever."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    for name, data in archives.class_folders().items():
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).write_bytes(data)
    left: list[list[Path]] = []

    def follow(*_given: object) -> None:
        left.append(list(scratch.iterdir()))
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.render.following.follow", follow)
    command = ["tailor", str(tmp_path / "pets"), "--task", "pets", "--url", url]
    assert CliRunner().invoke(app, command).exit_code == 130
    assert left == [[]]


def test_options_reach_the_job(url: str, tmp_path: Path) -> None:
    archive = tmp_path / "pets.zip"
    archive.write_bytes(archives.zip_of(archives.class_folders()))
    with Client(url) as client:
        asked: dict[str, str | float | bool | None] = {"preset": "fast", "skips": "dense", "max_macs": 0.5}
        asked |= {"max_minutes": 2.0, "accept_rough": True, "warm_start": None}
        job = client.upload("pets", archive, options=asked)
    expected = {"preset": "fast", "seed": 0, "skips": "dense", "max_macs": 0.5, "max_minutes": 2.0}
    assert job.options == expected | {"accept_rough": True}


def test_what_cannot_be_done_is_said_in_one_line(url: str, tmp_path: Path) -> None:
    archive = tmp_path / "pets.zip"
    archive.write_bytes(archives.zip_of(archives.class_folders()))
    command = ["tailor", str(archive), "--task", "pets", "--url", url]
    for options, words in (
        (["--backbone", "wide_resnet26"], "option backbone: no weights"),
        (["--measure", "milliseconds"], "option measure: needs a table"),
        (["--target-drop", "0.01", "--max-macs", "0.5"], "option target_drop"),
        (["--group-by", "(a"], "option group_by"),
        (["--warm-start", "7"], "option warm_start"),
    ):
        result = CliRunner(env={"COLUMNS": "200"}).invoke(app, command + options)
        assert (result.exit_code, words in result.output) == (1, True), result.output


def test_a_comparison_in_one_line() -> None:
    compared = {"version": 2, "images": 80, "seen": 3, "accuracy": 0.9, "new_accuracy": 0.925}
    assert comparison(3, compared) == "on 80 test images: version 2 90% [81, 95] (3 others it has seen), " + (
        "version 3 92% [85, 97]"
    )
    assert "none of which it has seen" in comparison(3, compared | {"seen": 0})
    assert "may have seen some" in comparison(3, compared | {"seen": None})
    assert "cannot be compared" in comparison(3, compared | {"images": 0, "accuracy": None})
