"""A rehearsal of `make gpu-check` without a GPU, and that it asks for no more than it says."""

import json
import subprocess
import sys

import pytest

from benchmarks.gpu_check import gpu_tests
from benchmarks.gpu_check.__main__ import main
from benchmarks.gpu_check.deadline import Deadline
from tests.documented import ROOT

_SMALL = "--device cpu --tasks 2 --sides 32 --batches 2 1 --rounds 1 --seconds 0.01"
_NEEDED = {"numpy", "torch", "torchvision", "torchgen", "safetensors", "pydantic", "PIL", "pytest"}
_BROUGHT_ALONG = {
    *("annotated_types", "typing_inspection", "typing_extensions", "pydantic_core"),
    *("iniconfig", "pluggy", "py", "pygments"),
    "pydot",  # which torch imports where NNCF has brought it
}
_OURS = {"benchmarks", "nettailor", "server", "tests"}


def test_a_rehearsal_ends_with_one_line_of_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.engine.resident_switch._REPEATS", 2)  # of a run of resnet34
    main([*_SMALL.split(), "--no-tests"])
    result = json.loads(capsys.readouterr().out)
    for batch in ("batch 2", "batch 1"):
        speeds = result["2 tasks, 32 px"][batch]["images_per_second"]
        assert set(speeds) == {"one by one", "grouped", "full models"}
        assert all(speed > 0 for speed in speeds.values())
    assert set(result["2 tasks, switches"]["grouped"]) == {
        "to_ready_ms",
        "to_first_answer_ms",
        "answer_ms",
        "switch_us",
    }
    assert result["left_out"] == ["compiled full models, TensorRT: only on a GPU"]


def test_what_there_is_no_time_for_is_left_out_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    main([*_SMALL.split(), "--no-tests", "--minutes", "0"])
    assert json.loads(capsys.readouterr().out)["left_out"] == ["2 tasks: no time left"]
    assert not Deadline(60).is_near("anything", 30)


@pytest.mark.nightly  # a pytest of its own, for a tool that is started by hand
def test_the_tests_for_a_gpu_are_found_and_run_without_the_rest() -> None:
    assert {path.relative_to(ROOT / "tests").parts[:2] for path in gpu_tests.files()} == {
        ("server", "engine"),
        ("server", "kernels"),
    }
    assert gpu_tests.run(timeout_s=120)["status"] == 0


@pytest.mark.nightly  # imports torch once more, for a tool that is started by hand
def test_it_imports_no_more_than_it_says() -> None:
    modules = ["benchmarks.gpu_check.__main__"]
    modules += [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in gpu_tests.files()]
    code = f"import sys\nbefore = set(sys.modules)\nimport {', '.join(modules)}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = {name.split(".")[0] for name in done.stdout.split()} - set(sys.stdlib_module_names)
    public = {name for name in imported if not name.startswith("_") and name != "cython_runtime"}
    assert public <= _NEEDED | _BROUGHT_ALONG | _OURS
