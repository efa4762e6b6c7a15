"""`nettailor inspect`, as people type it: offline, in text, as JSON, as a page."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from tests.cli.inspection.folders import BARE, GOOD, ODD, laid_out
from tests.documented import ROOT
from tests.trainer import archives
from tests.trainer.bad_archives import BAD


def inspected(data: Path, *options: str) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, ["inspect", str(data), *options])


def test_a_folder_is_told_as_people_read(tmp_path: Path) -> None:
    result = inspected(laid_out(tmp_path / "pets", ODD))
    assert result.exit_code == 0
    lines = [" ".join(line.replace("│", " ").split()) for line in result.stdout.splitlines()]
    assert lines[0].startswith("read as class folders, because ")
    for line in (
        "2 classes, 20 images",
        "cats 6 2 2 cats/0.png, cats/1.png, cats/2.png",
        "all 12 4 4",
        "3 left out",
        "1 a duplicate of cats/1.png cats/copy.png",
        "1 not an image notes.md",
    ):
        assert line in lines
    assert lines[-1].startswith("warning: The folder .hidden is hidden")


@pytest.mark.parametrize(("charset", "shown"), [("latin-1", "k\xe4fer, \\u732b"), ("ascii", "k\\xe4fer, \\u732b")])
def test_a_terminal_that_lacks_a_letter_of_a_class(tmp_path: Path, charset: str, shown: str) -> None:
    folder = laid_out(tmp_path / "pets", archives.class_folders(["k\xe4fer", "\u732b"]))
    result = CliRunner(charset=charset, env={"COLUMNS": "160"}).invoke(app, ["inspect", str(folder)])
    assert (result.exit_code, result.exception) == (0, None)
    assert shown in result.stdout


def test_json_is_one_line_of_a_fixed_form_for_a_folder_and_its_archive_alike(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "pets", ODD)
    (tmp_path / "pets.zip").write_bytes(archives.zip_of(ODD))
    (line,) = inspected(folder, "--json").stdout.splitlines()
    found = json.loads(line)
    assert list(found) == ["layout", "classes", "left_out", "findings", "error"]
    assert found["classes"]["dogs"] == {"train": 6, "val": 2, "test": 2}
    assert [finding["weight"] for finding in found["findings"]] == ["warning"]
    assert json.loads(inspected(tmp_path / "pets.zip", "--json").stdout) == found


def test_what_cannot_be_trained_on_ends_with_1_and_one_line(tmp_path: Path) -> None:
    result = inspected(laid_out(tmp_path / "bare", BARE))
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path}/bare: The images lie in the folders test, train")
    assert "error" not in result.stdout
    as_json = inspected(tmp_path / "bare", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["findings"][0]["weight"]) == (1, "error")


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind != "empty"])
def test_what_is_no_usable_archive_is_json_too(kind: str, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(BAD[kind].data)
    result = inspected(tmp_path / "bad", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["layout"], found["classes"]) == (None, {})
    assert found["error"] in result.stderr


def test_a_name_that_is_no_text_is_told_as_json_too(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "pets", GOOD)
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    result = inspected(folder, "--json")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert json.loads(result.stdout)["error"] == "caf\\xe9.png: the name is not UTF-8 text; rename it"


def test_what_is_not_there(tmp_path: Path) -> None:
    result = inspected(tmp_path / "nowhere", "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]) == (1, "no such file or folder")
    (tmp_path / "pets.zip").touch()
    assert inspected(tmp_path / "pets.zip").stderr.endswith("pets.zip: an empty file\n")


def test_a_page_with_pictures(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "pets", GOOD)
    assert inspected(folder, "--html", str(tmp_path / "look.html")).exit_code == 0
    assert "data:image/jpeg;base64," in (tmp_path / "look.html").read_text()
    refused = inspected(folder, "--html", str(tmp_path / "no" / "look.html"))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "cannot be written" in refused.stderr


def test_a_pattern_keeps_images_together(tmp_path: Path) -> None:
    shots = {
        f"{name}/shot{shot}-{part}.png": archives.picture(archives.hash_seed(name, shot, part))
        for name in ("cats", "dogs")
        for shot in range(8)
        for part in range(2)
    }
    folder = laid_out(tmp_path / "pets", shots)
    assert "note: 32 images belong to groups" in inspected(folder, "--group-by", "shot[0-9]+").stdout
    refused = inspected(folder, "--group-by", "(")
    assert (refused.exit_code, "option group_by" in refused.stderr) == (1, True)


def test_names_can_neither_style_nor_forge(tmp_path: Path) -> None:
    name = "[/x][bold] :cat:\u202e"
    files = archives.class_folders([name, "dogs"])
    result = inspected(laid_out(tmp_path / "pets", {**files, f"{name}/late.png": b"x", f"{name}.txt": b"x"}))
    assert result.exit_code == 0
    assert result.stdout.count("[/x][bold] :cat:\\u202e") >= 4
    assert "\u202e" not in result.stdout


def test_the_machines_settings_are_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = {**GOOD, "cats/large.png": archives.picture(1, side=1100)}
    folder = laid_out(tmp_path / "pets", large)
    monkeypatch.setenv("NETTAILOR_IMAGE_MEGAPIXELS", "1")
    assert "cats/large.png" in inspected(folder).stdout
    monkeypatch.setenv("NETTAILOR_UNPACKED_MIB", "1")
    refused = inspected(folder)
    assert (refused.exit_code, "the limit is 1048576" in refused.stderr) == (1, True)
    monkeypatch.setenv("NETTAILOR_UNPACKED_MIB", "many")
    assert "the settings cannot be used" in inspected(folder).stderr


def test_a_process_of_its_own_needs_no_torch(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "pets", GOOD)
    program = (
        "import sys\nfrom cli.main import app\n"
        f"app(['inspect', {str(folder)!r}, '--html', {str(tmp_path / 'look.html')!r}], standalone_mode=False)\n"
        "print([name for name in ('torch', 'fastapi', 'redis') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "2 classes, 20 images" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
    bare = laid_out(tmp_path / "bare", BARE)
    command = [sys.executable, "-m", "cli", "inspect", str(bare), "--json"]
    failed = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (failed.returncode, json.loads(failed.stdout)["layout"]) == (1, "folders without classes")
