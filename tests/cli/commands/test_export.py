"""`nettailor export` against a real service, and the example of docs/export.md on what it wrote."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from cli.demo.signs import draw_sign
from cli.main import app
from tests.documented import ROOT

_NOTHING_OF_OURS = """
ours = {"nettailor", "hosting", "registry", "server", "trainer", "cli", "torch"} & set(sys.modules)
assert not ours, ours
"""


def _invoke(service: str, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments, "--url", service])


@pytest.fixture(scope="module")
def exported(service: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The live version of `signs` as an ONNX file."""
    path = tmp_path_factory.mktemp("exported") / "signs.onnx"
    result = _invoke(service, "export", "signs", "--format", "onnx", "--out", str(path))
    assert result.exit_code == 0, result.output
    assert "signs version 1" in result.output
    assert "100%" in result.output
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Upright and turned on its side, small and large, with losses and without."""
    sign = draw_sign("stop", np.random.default_rng(0)).convert("RGB")
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (90, 130, 3), np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6
    sign.save(tmp_path / "sign.png")
    noise.save(tmp_path / "noise.jpg", quality=90, exif=turned)
    sign.resize((301, 200)).save(tmp_path / "wide.webp")
    return [tmp_path / name for name in ("sign.png", "noise.jpg", "wide.webp")]


def test_the_documented_example_answers_as_the_service_does(service: str, exported: Path, pictures: list[Path]) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/export.md").read_text(), re.DOTALL)
    script = exported.with_name("predict.py")
    script.write_text(code + _NOTHING_OF_OURS)
    command = [sys.executable, "-I", str(script), str(exported), *map(str, pictures)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    answers = _invoke(service, "predict", "signs", *map(str, pictures), "--json").stdout.splitlines()
    for path, line, answer in zip(pictures, result.stdout.splitlines(), answers, strict=True):
        best = json.loads(answer)["predictions"][0][0]
        named, share = re.fullmatch(rf"{re.escape(str(path))} (.+) ([\d.]+)", line).groups()  # type: ignore[union-attr]  # else it fails here
        assert named == best["label"]
        assert float(share) == pytest.approx(best["probability"], abs=2e-4)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["signs", "--version", "9", "--format", "onnx"], 1, "404"),
        (["nothing", "--format", "onnx"], 1, "404"),
        (["signs", "--format", "tflite"], 2, "tflite"),
        (["signs", "--format", "onnx", "--dtype", "int8"], 2, "int8"),
    ],
)
def test_what_cannot_be_exported(arguments: list[str], status: int, said: str, service: str, tmp_path: Path) -> None:
    result = _invoke(service, "export", *arguments, "--out", str(tmp_path / "file"))
    assert result.exit_code == status
    assert said in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.nightly  # five seconds of exporting for a refusal of the file system
def test_a_file_that_cannot_be_written(service: str, tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    result = _invoke(service, "export", "signs", "--format", "torchscript", "--out", str(tmp_path / "file"))
    assert result.exit_code == 1
    assert "cannot be written" in result.output
    assert list((tmp_path / "file").iterdir()) == []
