import json
from pathlib import Path

import pytest

from benchmarks.export.__main__ import main, summary
from benchmarks.workloads.mini26 import random_bundle, smallest_plan, usual_plan
from nettailor.network.backbones import load_backbone
from tests.trainer.archives import class_folders, zip_of
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze

_QUICK = ["--rounds", "1", "--seconds", "0.01", "--threads", "1", "--json"]


def _printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    main([*arguments, *_QUICK])
    printed: dict[str, object] = json.loads(capsys.readouterr().out)
    return printed


@pytest.mark.nightly  # by day the next test exports what a run left by the same way
def test_tasks_of_random_weights_are_exported_beside_the_whole_network(capsys: pytest.CaptureFixture[str]) -> None:
    printed = _printed(["--sides", "32", "--tasks", "1"], capsys)
    assert printed["top1_agreement"] == 1
    assert 0 < float(str(printed["bytes_vs_full_model"])) < 1
    assert printed["speed_vs_full_model"] is None  # three blocks are less than 40% of the MACs
    rows = printed["rows"]
    assert isinstance(rows, list)
    assert [row["runtime"] for row in rows] == ["ONNX Runtime", "OpenVINO"]


def test_it_exports_what_a_run_of_the_tailoring_benchmark_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fingerprint = load_backbone("mini26").fingerprint()
    for name, plan in {"few-seed0": smallest_plan(), "usual-seed1": usual_plan()}.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "bundle.safetensors").write_bytes(random_bundle("t", 0, plan=plan, fingerprint=fingerprint))
        (folder / "upload.zip").write_bytes(zip_of(class_folders()))
        freeze(folder / "upload.zip", folder / "dataset.zip", IntakeLimits())
    printed = _printed(["--runs", str(tmp_path)], capsys)
    rows = printed["rows"]
    assert isinstance(rows, list)
    assert {(row["task"], row["backbone"]) for row in rows} == {("few-seed0", "mini26"), ("usual-seed1", "mini26")}
    assert printed["top1_agreement"] == 1
    few = next(row for row in rows if row["task"] == "few-seed0")
    assert few["macs_gone"] > 0.4
    assert few["bytes_vs_full_model"] < 0.5


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no tailored bundles"):
        main(["--runs", str(tmp_path), *_QUICK])


def test_the_speed_is_of_the_slowest_that_the_goal_is_about() -> None:
    shared = {"top1_agreement": 1.0, "bytes_vs_full_model": 0.5}
    rows = [
        shared | {"macs_gone": gone, "speed_vs_full_model": speed} for gone, speed in ((0.4, 2), (0.6, 1.5), (0.3, 1))
    ]
    assert summary(rows)["speed_vs_full_model"] == 1.5
    assert summary(rows[2:])["speed_vs_full_model"] is None
