"""A version measured on images with labels, by a real service."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.batch.evaluation import Evaluation, evaluate
from cli.batch.evaluation_table import evaluation_table
from cli.errors import NoImages, NotADataset, NotItsClasses
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
    assert f"files left out: 1, such as {some_class}/broken.jpg" in shown.output


def as_csv(folder: Path) -> Path:
    """The images in one folder, with a table of what they show."""
    target = folder.with_name("table")
    (target / "images").mkdir(parents=True)
    rows = ["file,label"]
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        path.rename(target / "images" / f"{number}.png")
        rows.append(f"images/{number}.png,{path.parent.name}")
    (target / "labels.csv").write_text("\n".join(rows))
    return target


def as_coco(folder: Path) -> Path:
    target = folder.with_name("coco")
    target.mkdir()
    files, classes = sorted(folder.rglob("*.png")), sorted(path.name for path in folder.iterdir())
    annotations = [{"id": n, "image_id": n, "category_id": classes.index(p.parent.name)} for n, p in enumerate(files)]
    for number, path in enumerate(files):
        path.rename(target / f"{number}.png")
    document = {
        "images": [{"id": number, "file_name": f"{number}.png"} for number in range(len(files))],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes)],
    }
    (target / "annotations.json").write_text(json.dumps(document))
    return target


def as_zip(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder), "zip", folder))


@pytest.mark.parametrize("layout", [as_zip, as_csv, as_coco])
def test_whatever_is_tailored_to_is_evaluated_on(service: str, tmp_path: Path, layout: Callable[[Path], Path]) -> None:
    folder, answers = labelled(tmp_path / "labelled", service)
    right = sum(path.startswith(f"{answer}/") for path, answer in answers.items())
    data = layout(folder)
    with Client(service) as client:
        found = evaluate(client, "signs", data, None, Console(file=io.StringIO()))
    assert (found.images, found.right, found.split) == (len(answers), right, None)


def test_of_data_with_splits_the_test_split_is_measured_on(service: str, tmp_path: Path) -> None:
    folder, answers = labelled(tmp_path / "whole" / "test", service)
    for number, each in enumerate(sorted(folder.iterdir())):
        other = folder.parent / "train" / each.name / "9.png"
        other.parent.mkdir(parents=True)
        other.write_bytes(picture(1000 + number, side=32))
    with Client(service) as client:
        found = evaluate(client, "signs", folder.parent, None, Console(file=io.StringIO()))
    assert (found.images, found.split) == (len(answers), "test")


def test_one_class_is_enough(service: str, tmp_path: Path) -> None:
    folder, _ = labelled(tmp_path / "labelled", service)
    for unwanted in sorted(folder.iterdir())[1:]:
        shutil.rmtree(unwanted)
    with Client(service) as client:
        assert evaluate(client, "signs", folder, None, Console(file=io.StringIO())).images == 3


def test_what_cannot_be_measured_on_says_why(service: str, tmp_path: Path) -> None:
    nowhere = Console(file=io.StringIO())
    with Client(service) as client:
        with pytest.raises(NotADataset, match="holds no files"):
            evaluate(client, "signs", tmp_path, None, nowhere)
        (tmp_path / "notes.txt").write_text("nothing")
        with pytest.raises((NoImages, NotADataset)):
            evaluate(client, "signs", tmp_path, None, nowhere)
        for name in ("robin", "wren"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "0.png").write_bytes(picture(len(name), side=32))
        with pytest.raises(NotItsClasses, match="has images of robin, wren, where each has to be of a class of the"):
            evaluate(client, "signs", tmp_path, None, nowhere)


def test_a_table_of_the_worst_classes_first() -> None:
    made = Evaluation.of(
        "signs", 2, [("stop", "stop"), ("stop", "yield"), ("yield", "yield"), ("parking", "stop")], unread=()
    )
    written = io.StringIO()
    Console(file=written, width=100).print(evaluation_table(made))
    first = [line.split()[0] for line in written.getvalue().splitlines()]
    assert [word for word in first if word in {"parking", "stop", "yield"}] == ["parking", "stop", "yield"]
    assert "accuracy: 2 of 4 images, 50% [15, 85]" in written.getvalue()
