"""The report on a version: one page that needs nothing else, and trusts nobody's names."""

import base64
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from hosting.web.moments import moment
from nettailor.architecture.geometry import geometry
from nettailor.bundle.bundle import decode, encode
from nettailor.bundle.manifest import Accuracy, Int8Cost, Int8Costs
from nettailor.network.backbones import Backbone
from registry.journal.records import VersionRecord, now
from registry.storage.blobs import Blobs
from registry.versions.attachments import REPORT_HEADING
from tests.bundles import random_bundle
from tests.trainer.archives import picture
from tests.trainer.tiny import PREPROCESSING, coloured
from trainer.reports.origin import Origin
from trainer.reports.version.architecture import architecture
from trainer.reports.version.calibration import bins
from trainer.reports.version.comparisons import comparisons
from trainer.reports.version.confusion import counts, worst
from trainer.reports.version.facts import accuracies, candidates
from trainer.reports.version.findings import Findings, Finished, look
from trainer.reports.version.hardest import hardest_rows
from trainer.reports.version.learning import learning
from trainer.reports.version.report import attach_report, make_report
from trainer.reports.version.settings_in_words import settings_in_words
from trainer.reports.version.tiles import tiles
from trainer.training.fit import Epoch
from trainer.training.images import LabelledImages

HOSTILE = ("<script>alert(1)</script>", 'a" onload="x', "$\\frac{")
FRONT = [
    {
        "k": k,
        "accuracy": 0.9 - k / 100,
        "test_accuracy": 0.88,
        "cost": 0.5,
        "macs_removed": k / 10,
        "params_removed": k / 9,
        "good": k < 3,
        "pareto": True,
        "chosen": k == 2,
    }
    for k in (0, 2, 4)
]


def epochs(count: int) -> list[Epoch]:
    losses = {"loss": 1.0, "classification": 0.5, "complexity": 0.2, "teacher": 0.1, "distillation": 0.2}
    return [Epoch(number=n, losses=losses, accuracy=0.5 if n == count else None, seconds=1) for n in range(1, count)]


def tailoring(backbone: Backbone, test: LabelledImages | None = None) -> Finished:
    manifest, tensors = random_bundle(fingerprint=backbone.fingerprint(), classes=3)
    manifest = manifest.model_copy(update={"classes": HOSTILE, "preprocessing": PREPROCESSING})
    return Finished(
        bundle=decode(encode(manifest, tensors)),
        pareto_front=FRONT,
        test=coloured(24, 3, 2) if test is None else test,
        history={"fold0/teacher-lr0.01-e3": epochs(3), "fold0/student": epochs(4), "fold0/retrain-2": epochs(3)},
        seconds={"teacher": 1.5},
    )


@pytest.fixture
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the words of a page alone are looked at, each picture is the same one: to draw them takes a second."""
    for name in ("architecture", "curve", "learning", "confusion", "calibration", "hardest"):
        monkeypatch.setattr(f"trainer.reports.version.report.{name}", lambda *_: picture(1))


class Reader(HTMLParser):
    """Everything a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "srcset")]
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_holds_all_it_needs_and_no_name_gets_out_of_its_place(backbone: Backbone) -> None:
    made = tailoring(backbone)
    report = make_report(made, backbone)
    page = report.pop("report.html").decode()
    reader = Reader()
    reader.feed(page)
    assert not {"script", "link", "iframe", "object", "form"} & set(reader.tags)
    assert reader.handlers == []
    pictures = [base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in reader.sources]
    assert sorted(pictures) == sorted(report.values())
    assert set(report) == {
        f"{name}.png" for name in ("architecture", "curve", "learning", "confusion", "calibration", "hardest")
    }
    assert all(data.startswith(b"\x89PNG") for data in report.values())
    for name in HOSTILE:
        assert name in reader.text
    metrics, complexity = made.manifest.metrics, made.manifest.complexity
    assert f"{100 * (metrics.teacher.validation or 0):.1f}%" in reader.text
    assert f"{100 * abs(complexity.net_macs_removed):.1f}%" in reader.text
    assert "−2 (chosen)" in reader.text
    assert "http" not in re.sub(r"base64,[^\"]*", "", page)


def test_candidates_have_the_intervals_that_their_images_allow() -> None:
    rows = candidates(FRONT, validated_on=112, test_images=5000)
    assert rows[0][:3] == ("−0", "90% [83, 94]", "88.0% [87.1, 88.9]")
    assert candidates(FRONT, validated_on=None, test_images=24)[0][1:3] == ("90.0%", "88% [70, 96]")


@pytest.mark.usefixtures("_undrawn")
def test_what_was_understood_of_the_upload_is_told(backbone: Backbone) -> None:
    finding = {"weight": "warning", "text": f"Look at {HOSTILE[0]}", "files": []}
    inspection = {
        "layout": "class folders",
        "why": f"the folders {HOSTILE[1]} hold images",
        "findings": [finding],
        "left_out_reasons": [{"reason": f"not {HOSTILE[0]}", "count": 3}],
    }
    page = make_report(replace(tailoring(backbone), inspection=inspection), backbone)["report.html"].decode()
    reader = Reader()
    reader.feed(page)
    assert "script" not in reader.tags
    for text in ("class folders", inspection["why"], finding["text"], f"not {HOSTILE[0]}"):
        assert str(text) in reader.text
    assert "The data" not in make_report(tailoring(backbone), backbone)["report.html"].decode()


@pytest.mark.usefixtures("_undrawn")
def test_which_job_made_it_and_where_to_look_further(backbone: Backbone) -> None:
    origin = Origin(job="0123456789abcdef", task="signs", uploaded_at="2026-11-29T10:41:30.000+00:00")
    page = make_report(replace(tailoring(backbone), origin=origin), backbone)["report.html"].decode()
    reader = Reader()
    reader.feed(page)
    assert reader.links == [f"/jobs/{origin.job}", f"/jobs/{origin.job}/dataset/report"]
    assert "uploaded on 29 November 2026, 10:41 UTC" in reader.text
    assert f"This page was written on {moment(now())[:-9]}" in reader.text
    assert page.count(REPORT_HEADING) == 1


@pytest.mark.usefixtures("_undrawn")
def test_the_limit_of_its_time_is_told(backbone: Backbone) -> None:
    stages = [
        {"stage": "teacher", "planned_minutes": 2.5, "used_minutes": 2.25, "epochs": 2},
        {"stage": "student", "planned_minutes": 1.0, "used_minutes": 1.5, "epochs": None},
    ]
    time = {"max_minutes": 6, "used_minutes": 4.25, "stages": stages}
    pages = [
        make_report(replace(tailoring(backbone), time=each), backbone)["report.html"].decode() for each in (None, time)
    ]
    assert ["<h2>Time</h2>" in page for page in pages] == [False, True]
    assert "might take 6 minutes, and took 4.2" in pages[1]
    assert "<td>teacher</td><td>2.5</td><td>2.2</td><td>2</td>" in pages[1]
    assert "as the preset has it" in pages[1]


def test_what_it_was_compared_with_is_told(backbone: Backbone) -> None:
    made = tailoring(backbone)
    live = VersionRecord(
        task="signs",
        sequence=1,
        at="2026-11-29T10:41:30.000+00:00",
        actor="trainer",
        version=4,
        digest="sha256:" + "0" * 64,
        size_bytes=1,
        job=None,
        note="",
        manifest=made.manifest.model_copy(update={"recipe": {"images": {"test": 60}}}),
    )
    compared = {"version": 3, "images": 60, "seen": 0, "accuracy": 0.9, "new_accuracy": 0.95}
    assert comparisons(made) == ["No version of the task was live when this one was made."]
    assert comparisons(replace(made, live=live, compared=compared)) == [
        "Version 4 was live when this one was made; it recognised 90% [80, 95] of the same test images.",
        "Training began from version 3. Of 60 test images, none of which it has seen, it recognises 90%, this one 95%.",
    ]
    unseen = comparisons(replace(made, compared=compared | {"accuracy": None, "seen": 60}))
    assert unseen[-1].endswith("has seen all test images: the two cannot be compared.")


def test_tiles_are_sentences(backbone: Backbone) -> None:
    made = tailoring(backbone)
    shown = [f"{tile.figure} {tile.text}" for tile in tiles(made, look(made, backbone))]
    assert re.fullmatch(
        r"\d+% of the 24 test images are recognised; of many more like them it would be \d+% to \d+%", shown[0]
    )
    assert shown[1].endswith("% by the whole network, fine-tuned")
    assert re.fullmatch(r"\d+\.\d% (fewer|more) multiplications an image than the backbone", shown[2])
    assert shown[-1] == "3 classes are told apart"
    untested = replace(made, test=coloured(0, 3, 0))
    assert tiles(untested, look(untested, backbone))[0].figure == "No images"


def test_settings_are_words_and_not_python() -> None:
    settings = {
        "max_macs": None,
        "flipped": True,
        "teacher_lrs": [0.003, 0.01],
        "teacher": {"epochs": 6, "lr": 0.03},
        "tried": {},
        "none": [],
    }
    assert list(settings_in_words(settings)) == [
        ("flipped", "yes"),
        ("teacher: epochs", "6"),
        ("teacher: lr", "0.03"),
        ("teacher lrs", "0.003, 0.01"),
    ]


@pytest.mark.usefixtures("_undrawn")
def test_no_python_is_on_the_page(backbone: Backbone) -> None:
    made = tailoring(backbone)
    recipe = {"max_macs": None, "student": {"epochs": 2, "lr": None}, "flipped": False}
    manifest = made.manifest.model_copy(update={"recipe": recipe})
    bundle = decode(encode(manifest, dict(made.bundle.tensors)))
    page = make_report(replace(made, bundle=bundle), backbone)["report.html"].decode()
    reader = Reader()
    reader.feed(page)
    for sign in ("None", "{", "}", "False", "True"):
        assert sign not in reader.text.replace(HOSTILE[2], "").split("Where and how")[1]


@pytest.mark.parametrize(("accuracy", "axes"), [(None, 1), (0.5, 2)])
def test_no_axes_are_empty(monkeypatch: pytest.MonkeyPatch, accuracy: float | None, axes: int) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr("trainer.reports.version.learning.png", drawn.append)
    measured = [Epoch(number=n, losses={"loss": 1.0}, accuracy=accuracy, seconds=1) for n in (1, 2)]
    learning({"fold0/teacher-lr0.1": measured, "fold0/student": measured[:1]})
    shown = [each for each in drawn[0].axes if each.axison]
    assert len(shown) == axes
    assert all(line.get_marker() == "." for each in shown for line in each.lines)
    assert all(each.lines and each.get_xlabel() == "epoch" for each in shown[-1:])


def test_a_network_alone_is_no_curve_and_neither_is_an_epoch(backbone: Backbone) -> None:
    once = {"fold0/teacher-lr0.1": epochs(2)}
    made = make_report(replace(tailoring(backbone), pareto_front=FRONT[:1], history=once), backbone)
    assert not {"curve.png", "learning.png"} & set(made)


@pytest.mark.usefixtures("_undrawn")
def test_a_search_that_was_ended_early_is_told(backbone: Backbone) -> None:
    early = {"by": HOSTILE[0], "at": "2026-11-28T12:00:00.000+00:00", "candidates": [6, 2], "skipped": 4}
    page = make_report(replace(tailoring(backbone), finished_early=early), backbone)["report.html"].decode()
    reader = Reader()
    reader.feed(page)
    assert "script" not in reader.tags
    text = " ".join(reader.text.split())
    assert f"{' '.join(HOSTILE[0].split())} asked for the best so far (2026-11-28T12:00" in text
    assert "gone on with the network without 4 blocks" in text


def test_without_test_images_or_history_it_says_less(backbone: Backbone) -> None:
    made = replace(tailoring(backbone, coloured(0, 3, 0)), history={}, pareto_front=[])
    assert set(make_report(made, backbone)) == {"report.html", "architecture.png"}


@pytest.mark.parametrize(("name", "depth"), [("resnet18", 8), ("resnet34", 16), ("resnet50", 16), ("mini26", 12)])
def test_every_backbone_can_be_drawn(name: str, depth: int) -> None:
    manifest, tensors = random_bundle(backbone=name)
    assert len(manifest.plan.blocks) == depth
    assert architecture(decode(encode(manifest, tensors)), geometry(name)).startswith(b"\x89PNG")


def findings(labels: list[int], probabilities: list[list[float]]) -> Findings:
    return Findings(
        classes=HOSTILE, probabilities=np.array(probabilities, np.float32), labels=np.array(labels, np.int64)
    )


def test_figures_by_hand() -> None:
    found = findings([0, 0, 1, 2], [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.1, 0.85, 0.05], [0.5, 0.05, 0.45]])
    assert counts(found).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert {(pair.true, pair.found, pair.count, pair.of) for pair in worst(found)} == {
        (HOSTILE[0], HOSTILE[1], 1, 2),
        (HOSTILE[2], HOSTILE[0], 1, 1),
    }
    rows, error = bins(found)
    assert [count for _, _, count in rows] == [1, 2, 1]
    assert error == pytest.approx((0.5 * 1 + abs(0.825 - 0.5) * 2 + 0.1 * 1) / 4, abs=1e-6)
    assert hardest_rows(found, 2).tolist() == [1, 3]


def test_what_the_page_says_of_the_test_images_is_what_the_student_says(backbone: Backbone) -> None:
    found = look(tailoring(backbone), backbone)
    assert found.probabilities.shape == (24, 3)
    np.testing.assert_allclose(found.probabilities.sum(1), 1, rtol=1e-5)
    assert counts(found).sum() == 24


def test_a_report_that_fails_costs_nothing_but_itself(
    backbone: Backbone, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blobs = Blobs(str(tmp_path))
    made = tailoring(backbone)
    attached = attach_report(made, backbone, blobs)
    assert {len(blobs.read(digest)) > 1000 for digest in attached.values()} == {True}
    other = Backbone(
        geometry=backbone.geometry, stem=backbone.stem, blocks=[], preprocessing=PREPROCESSING
    )  # another network: the bundle does not fit
    assert attach_report(made, other, blobs) == {}
    assert "no report" in caplog.text


@pytest.mark.nightly
def test_a_browser_shows_it_whole(backbone: Backbone, tmp_path: Path) -> None:
    """At a telephone's width nothing sticks out, whatever the classes are called."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium here")
    page = tmp_path / "report.html"
    page.write_bytes(
        make_report(tailoring(backbone), backbone)["report.html"]
        + b"<script>document.title = String(document.documentElement.scrollWidth)</script>"
    )
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=500,900", "--dump-dom"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    width = re.search(r"<title>(\d+)</title>", done.stdout)
    assert width is not None
    assert int(width[1]) <= 500


def test_what_the_backbone_as_it_is_would_give_is_told(backbone: Backbone) -> None:
    made = tailoring(backbone).bundle.manifest
    assert len(accuracies(made, 24)) == 2
    told = made.model_copy(update={"recipe": {"teacher_search": {"features": 0.8125, "features_test": None}}})
    assert accuracies(told, 24)[2] == ("a linear classifier on the backbone as it is", "81.2%", "–")
    counted = made.model_copy(update={"recipe": {"images": {"validation": 112, "test": 70}}})
    assert all("[" in cell for row in accuracies(counted, 70) for cell in row[1:] if cell != "–")


def test_what_int8_costs_is_told(backbone: Backbone) -> None:
    made = tailoring(backbone).bundle.manifest
    costs = Int8Costs(validation=Int8Cost(images=400, lost=0.0025, same=0.99), test=None)
    told = made.model_copy(update={"metrics": made.metrics.model_copy(update={"int8": costs})})
    row = accuracies(told, 24)[2]
    assert row == ("in int8, against that", "0.2 points less, 99.0% of answers the same", "–")


@pytest.mark.usefixtures("_undrawn")
def test_the_page_of_another_method_tells_of_no_teacher(backbone: Backbone) -> None:
    manifest, tensors = random_bundle(fingerprint=backbone.fingerprint(), classes=3, method="features")
    metrics = manifest.metrics.model_copy(update={"teacher": Accuracy()})
    manifest = manifest.model_copy(update={"metrics": metrics, "preprocessing": PREPROCESSING})
    made = replace(tailoring(backbone), bundle=decode(encode(manifest, tensors)), history={})
    pages = [make_report(of, backbone)["report.html"].decode() for of in (tailoring(backbone), made)]
    assert ["fine-tuned" in page for page in pages] == [True, False]
    assert ["<h2>Learning</h2>" in page for page in pages] == [True, False]
    assert ["Method: <b>nettailor</b>" in pages[0], "Method: <b>features</b>" in pages[1]] == [True, True]


@pytest.mark.usefixtures("_undrawn")
def test_the_page_of_a_network_of_the_task_s_own_says_that_it_shares_nothing(backbone: Backbone) -> None:
    manifest, tensors = random_bundle(fingerprint=backbone.fingerprint(), classes=3, method="finetuning")
    manifest = manifest.model_copy(update={"preprocessing": PREPROCESSING})
    made = replace(tailoring(backbone), bundle=decode(encode(manifest, tensors)))
    page = make_report(made, backbone)["report.html"].decode()
    assert "It shares nothing with other tasks" in page
    assert "0 of 12" in page


def test_runs_of_every_method_are_drawn() -> None:
    short, long = ({"fold0/batchnorm-lr0.1": epochs(count)} for count in (3, 6))
    assert learning(short) != learning(long)
