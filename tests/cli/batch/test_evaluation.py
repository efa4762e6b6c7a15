"""A version measured on images with labels, by a real service."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.batch.evaluation import Evaluation, evaluate
from cli.batch.evaluation_table import evaluation_table
from cli.errors import NoImages, NotClassFolders
from cli.main import app
from nettailor_client import Client
from tests.trainer.archives import picture


def labelled(folder: Path, service: str) -> tuple[Path, dict[str, str]]:
    """A folder of images for each class but one, and what the live version answers to each."""
    answers = {}
    with Client(service) as client:
        classes = client.version("signs", client.task("signs").aliases["live"]).manifest["classes"]
        for number, name in enumerate(classes[:-1]):
            (folder / name).mkdir(parents=True)
            for image in range(3):
                path = folder / name / f"{image}.png"
                path.write_bytes(picture(10 * number + image, side=32))
                answers[f"{name}/{image}.png"] = client.predict("signs", path).labels[0]
    return folder, answers


def test_right_answers_are_counted_in_all_and_by_class(service: str, tmp_path: Path) -> None:
    folder, answers = labelled(tmp_path / "labelled", service)
    some_class = sorted(answers)[0].partition("/")[0]
    (folder / some_class / "broken.jpg").write_bytes(b"no image")
    arguments = ["evaluate", "signs", str(folder), "--url", service]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    right = [path.startswith(f"{answer}/") for path, answer in answers.items()]
    assert (found["task"], found["images"], found["right"]) == ("signs", len(right), sum(right))
    assert found["accuracy"] == pytest.approx(sum(right) / len(right))
    assert found["interval"][0] <= found["accuracy"] <= found["interval"][1]
    assert sum(one["right"] for one in found["classes"]) == sum(right)
    assert [one["file"] for one in found["unread"]] == [f"{some_class}/broken.jpg"]
    shown = CliRunner(env={"COLUMNS": "120"}).invoke(app, [*arguments, "--version", str(found["version"])])
    assert f"{sum(right)} of {len(right)} images" in shown.output
    assert "1 files could not be read" in shown.output


def test_folders_that_are_no_classes_are_named(service: str, tmp_path: Path) -> None:
    with Client(service) as client:
        with pytest.raises(NoImages):
            evaluate(client, "signs", tmp_path, None, Console(file=io.StringIO()))
        (tmp_path / "test" / "stop").mkdir(parents=True)
        (tmp_path / "test" / "stop" / "0.png").write_bytes(picture(0, side=32))
        with pytest.raises(NotClassFolders, match="folders such as test, where each has to be named as a class"):
            evaluate(client, "signs", tmp_path, None, Console(file=io.StringIO()))
        (tmp_path / "0.png").write_bytes(picture(0, side=32))
        with pytest.raises(NotClassFolders, match="images beside the folders"):
            evaluate(client, "signs", tmp_path, None, Console(file=io.StringIO()))


def test_a_table_of_the_worst_classes_first() -> None:
    made = Evaluation.of(
        "signs", 2, [("stop", "stop"), ("stop", "yield"), ("yield", "yield"), ("parking", "stop")], unread=()
    )
    written = io.StringIO()
    Console(file=written, width=100).print(evaluation_table(made))
    first = [line.split()[0] for line in written.getvalue().splitlines()]
    assert [word for word in first if word in {"parking", "stop", "yield"}] == ["parking", "stop", "yield"]
    assert "accuracy: 2 of 4 images, 50% [15, 85]" in written.getvalue()
