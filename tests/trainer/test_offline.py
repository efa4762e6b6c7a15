"""`python -m trainer.offline`: a bundle without a service."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nettailor.bundle.bundle import decode
from tests.trainer import archives, tiny_geometry
from tests.trainer.recipe.runs import Broken
from tests.trainer.tiny import tiny_backbone
from trainer import offline
from trainer.events import Event

_SHORT = [
    *(f"{run}.min_images=0" for run in ("teacher", "student", "recover", "retrain")),
    *("teacher.epochs=1", "student.epochs=1", "skips=1", "flip=false", "bf16=false"),
]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("trainer.offline.load_backbone", tiny_backbone)
    with tiny_geometry.known():
        yield


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["offline", *arguments])
    offline.main()


def begin(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str, seed: int = 0, images: int = 0) -> None:
    data = folder / f"{images}.zip"
    data.write_bytes(archives.zip_of(archives.class_folders(each=12, seed=images)))
    given = [str(data), "--task", "pets", "--out", str(folder / "pets.safetensors"), "--preset", "fast"]
    recipe = ["--recipe", *_SHORT, *arguments]
    run(monkeypatch, *given, "--seed", str(seed), *recipe)


def break_off(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def report(event: Event) -> None:
        if event.kind == "epoch" and event.stage == "student":
            raise Broken

    with monkeypatch.context() as patched:
        patched.setattr("trainer.offline._print_event", report)
        with pytest.raises(Broken):
            begin(patched, folder)


@pytest.mark.usefixtures("tiny")
def test_the_same_command_goes_on_where_it_was_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digests = []
    for name in ("whole", "broken"):
        folder = tmp_path / name
        folder.mkdir()
        if name == "broken":
            break_off(monkeypatch, folder)
        begin(monkeypatch, folder)
        said = capsys.readouterr()
        printed = json.loads(said.out)
        bundle = decode((folder / "pets.safetensors").read_bytes())
        assert (printed["digest"], bundle.manifest.task) == (bundle.digest, "pets")
        assert "student" in said.err
        assert [path.name for path in folder.iterdir() if path.is_dir()] == []
        digests.append(printed["digest"])
    assert digests[0] == digests[1]


@pytest.mark.usefixtures("tiny")
def test_checkpoints_of_something_else_are_not_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_off(monkeypatch, tmp_path)
    for others, said in [
        ({"seed": 1}, "other seed:"),
        ({"images": 1}, "other data:"),
    ]:
        with pytest.raises(SystemExit, match=said):
            begin(monkeypatch, tmp_path, **others)
    with pytest.raises(SystemExit, match="other gamma1, student:"):
        begin(monkeypatch, tmp_path, "gamma1=0.5", "student.epochs=2")
    begin(monkeypatch, tmp_path)
    assert json.loads(capsys.readouterr().out)["digest"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"data": "missing.zip"}, "there is no file missing.zip"),
        ({"--task": "Pets and more"}, "'Pets and more' cannot name a task"),
        ({"--recipe": "nope=1"}, "--recipe: the recipe has no nope"),
        ({"--recipe": "target_drop=much"}, "--recipe: "),
        ({"--backbone": "nope"}, "error: unknown backbone 'nope'"),
        ({"data": __file__}, "error: "),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_trained(
    options: dict[str, str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pets, out = tmp_path / "pets.zip", tmp_path / "out.safetensors"
    pets.write_bytes(archives.zip_of(archives.class_folders(each=12)))
    given = {"data": str(pets), "--task": "pets", "--out": str(out), "--preset": "fast", **options}
    recipe = ["--recipe", *_SHORT, given.pop("--recipe", "seed=0")]  # soon over, should it be begun
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, given.pop("data"), *(word for option in given.items() for word in option), *recipe)
    assert told in f"{capsys.readouterr().err}{ended.value.code}"
    assert not out.exists()
