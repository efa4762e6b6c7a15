"""The report on a data set: figures, page and picture, from the library and over HTTP."""

import io
import json
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.trainer import archives
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import IntakeReport, freeze
from trainer.reports.contact_sheet import contact_sheet
from trainer.reports.dataset_report import figures, make_dataset_report, store_dataset_report
from trainer.reports.origin import Origin
from trainer.service import Service
from trainer.workers.job_run import begin

HOSTILE = "<img src=x onerror=alert(1)>"
ORIGIN = Origin(job="0123456789abcdef", task="pets", uploaded_at="2026-11-29T10:41:30.000+00:00")


def taken_in(files: archives.Files, folder: Path) -> tuple[IntakeReport, Path]:
    (folder / "upload").write_bytes(archives.zip_of(files))
    return freeze(folder / "upload", folder / "dataset.zip", IntakeLimits()), folder / "dataset.zip"


def uneven() -> dict[str, bytes]:
    many = archives.class_folders(["many"], each=100)
    few = archives.class_folders([HOSTILE], each=10)
    gif = io.BytesIO()
    Image.new("P", (30, 50)).save(gif, "GIF")
    odd = {f"{HOSTILE}/odd.gif": gif.getvalue(), f"{HOSTILE}/b.png": b"\x89PNG\r\n\x1a\nx"}
    return {**many, **few, **odd, "many/again.png": many["many/3.png"]}


def test_figures(tmp_path: Path) -> None:
    report, _ = taken_in(uneven(), tmp_path)
    found = json.loads(json.dumps(figures(report)))
    assert found["images"] == 111
    assert found["classes"]["many"] == {"train": 65, "val": 15, "test": 20, "all": 100}
    assert found["splits"] == {"train": 65 + 7, "val": 17, "test": 22}
    assert (found["width"], found["height"]["most"]) == ({"least": 8, "median": 8, "most": 30}, 50)
    assert found["formats"] == {"png": 110, "gif": 1}
    assert found["modes"] == {"RGB": 110, "P": 1}
    assert found["duplicates"] == 1
    assert (found["layout"], found["findings"]) == ("class folders", [])
    assert "many" in found["why"]
    assert found["imbalance"] == {"ratio": 9.286, "largest": "many", "smallest": HOSTILE, "weighted": True}
    assert {skip["file"] for skip in found["skipped"]} == {f"{HOSTILE}/b.png", "many/again.png"}


def test_the_layout_and_the_findings_are_told(tmp_path: Path) -> None:
    files = {**uneven(), **archives.class_folders(["Many"], seed=1)}
    report, dataset = taken_in(files, tmp_path)
    found = figures(report)
    assert (found["layout"], found["findings"]) == ("class folders", [each.as_json() for each in report.findings])
    page = make_dataset_report(report, dataset, ORIGIN)["dataset.html"].decode()
    assert "read as: <b>class folders</b>, because " in page
    assert "differ in their spelling only" in page


def test_the_page_trusts_nobody(tmp_path: Path) -> None:
    files = make_dataset_report(*taken_in(uneven(), tmp_path), ORIGIN)
    page = files["dataset.html"].decode()
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "a duplicate of many/3.png" in page
    assert "read as: <b>class folders</b>, because " in page
    assert "Nothing odd was found." in page
    assert "counts the rarer classes" in page.replace("\n", " ")
    sheet = Image.open(io.BytesIO(files["contact-sheet.jpg"]))
    assert sheet.format == "JPEG"


def test_whose_data_they_are_is_told(tmp_path: Path) -> None:
    files = make_dataset_report(*taken_in(uneven(), tmp_path), ORIGIN)
    page = files["dataset.html"].decode()
    assert "<h1>pets: the data set</h1>" in page
    assert page.count("29 November 2026, 10:41 UTC") == 2
    assert 'href="/jobs/0123456789abcdef"' in page
    assert 'href="/tasks/pets/versions"' in page
    assert "<b>9.3 times</b> <span>as many training images of the largest class as of the smallest</span>" in page
    found = json.loads(files["dataset.json"])
    assert (found["task"], found["job"], found["uploaded_at"]) == ("pets", ORIGIN.job, ORIGIN.uploaded_at)


def test_classes_of_as_many_images_are_called_even(tmp_path: Path) -> None:
    files = make_dataset_report(*taken_in(archives.class_folders(["cat", "dog"], each=10), tmp_path), ORIGIN)
    assert "<b>Even</b> <span>about as many training images" in files["dataset.html"].decode()


def test_findings_are_told_by_weight(tmp_path: Path) -> None:
    files = {
        f"{HOSTILE}/{name}/{i}.png": archives.picture(archives.hash_seed(name, i))
        for name in ("Cat", "cat")
        for i in range(9)
    }
    report, dataset = taken_in({**files, ".hidden/a.png": archives.picture(1)}, tmp_path)
    made = make_dataset_report(report, dataset, ORIGIN)
    weights = [finding["weight"] for finding in json.loads(made["dataset.json"])["findings"]]
    assert weights == ["warning", "warning"]
    page = made["dataset.html"].decode()
    assert page.count('<li class="warning"><b>warning</b>') == 2
    assert "differ in their spelling only" in page


@pytest.mark.parametrize("classes", [2, 60, pytest.param(300, marks=pytest.mark.nightly)])
def test_a_contact_sheet_stays_small(tmp_path: Path, classes: int) -> None:
    names = [f"class {number:03}" for number in range(classes)]
    report, dataset = taken_in(archives.class_folders(names, each=8), tmp_path)
    sheet = Image.open(io.BytesIO(contact_sheet(dataset, report.classes)))
    assert sheet.width <= 1300
    assert sheet.width * sheet.height < 4_000_000


def test_over_http_and_kept_from_the_collection(http: httpx.Client, service: Service, tmp_path: Path) -> None:
    job = http.post("/tasks/pets/dataset", content=archives.zip_of(uneven())).json()["id"]
    answer = http.get(f"/jobs/{job}/dataset")
    assert (answer.status_code, answer.json()["title"]) == (404, "no report on the data set")
    report, dataset = taken_in(uneven(), tmp_path)
    files = store_dataset_report(report, dataset, service.blobs, ORIGIN)
    begin(service.jobs, job, 1).set_dataset({"digest": report.digest, "report": files})
    assert http.get(f"/jobs/{job}/dataset").json()["images"] == 111
    page = http.get(f"/jobs/{job}/dataset/report")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert http.get(f"/jobs/{job}/dataset/contact-sheet").headers["Content-Type"] == "image/jpeg"


def test_what_cannot_be_drawn_stops_nothing(tmp_path: Path, service: Service, caplog: pytest.LogCaptureFixture) -> None:
    report, dataset = taken_in(archives.class_folders(), tmp_path)
    dataset.write_bytes(b"no zip any more")
    assert store_dataset_report(report, dataset, service.blobs, ORIGIN) == {}
    assert "no report on data set" in caplog.text
