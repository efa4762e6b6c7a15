"""`nettailor calibrate` on a data folder that nobody serves."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from cli.main import app
from hosting.settings.settings import Settings
from nettailor.network.backbones import load_backbone
from registry.wiring import open_registry, redis_service
from tests.cli.publishing import publish


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With a live version without ranges, whose data set is not there; and the shipped backbone, whatever a service
    that other tests share was started with."""
    folder = tmp_path_factory.mktemp("calibrate") / "data"
    publish(folder, "signs", load_backbone("mini26").fingerprint())
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NETTAILOR_BACKBONE_WEIGHTS", raising=False)
        yield folder


def run(data_dir: Path, *arguments: str, status: int = 0) -> str:
    result = CliRunner(env={"COLUMNS": "250"}).invoke(app, ["calibrate", *arguments, "--data-dir", str(data_dir)])
    assert result.exit_code == status, result.output
    return result.output


def test_a_version_is_made_of_a_folder_of_images_and_goes_live_if_that_is_asked(data_dir: Path, tmp_path: Path) -> None:
    assert "not in the registry: give images" in run(data_dir, "signs", status=1)
    assert "no image" in run(data_dir, "signs", "--images", str(tmp_path), status=1)
    for name in ("a.png", "b.png"):
        (tmp_path / "class").mkdir(exist_ok=True)
        Image.new("RGB", (40, 30), (90, 20, 200)).save(tmp_path / "class" / name)
    told = json.loads(run(data_dir, "signs", "--images", str(tmp_path), "--json"))
    assert (told["version"], told["alias"], told["int8"]) == (2, None, None)
    said = run(data_dir, "signs", "--version", "1", "--images", str(tmp_path), "--alias", "live")
    assert said.startswith("signs version 2 can run in int8, live now")
    settings = Settings(data_dir=data_dir)
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        record = registry.resolve("signs")
        assert (record.version, record.manifest.activation_ranges) == (2, True)
        assert record.manifest.recipe["calibration_images"] == 2
    assert "has activation ranges already" in run(data_dir, "signs", "--images", str(tmp_path), status=1)
    assert "is not in the registry\n" in run(data_dir, "signs", status=1)  # which would tell what int8 costs


def test_a_version_that_cannot_be_calibrated_is_no_fault_of_the_registry(data_dir: Path) -> None:
    assert run(data_dir, "nope", status=1).startswith("error: no task 'nope'")
    assert run(data_dir, "signs", "--version", "9", status=1).startswith("error: task 'signs' has no version 9")
    assert run(data_dir, "signs", "--version", "1", status=1).startswith("error: version 1 of task 'signs' cannot be")


def test_malformed_settings_are_told_in_a_line(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETTAILOR_LOG_LEVEL", "loud")
    assert "error: the registry cannot be used: NETTAILOR_LOG_LEVEL" in run(data_dir, "signs", status=1)


def test_it_explains_itself_within_80_columns() -> None:
    text = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["calibrate", "--help"]).output
    assert "Usage: " in text
    assert max(map(len, text.splitlines())) <= 80
