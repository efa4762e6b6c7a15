"""`max_minutes`: schedules that fit, decided once; and a bundle whatever the time."""

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nettailor.bundle.bundle import decode
from tests.trainer.recipe.runs import Broken, seeded_backbone, tailored
from tests.trainer.recipe.timing.set_time import SetTime
from tests.trainer.tiny import tiniest_config
from tests.waiting import until
from trainer.errors import TimeTooShort
from trainer.events import Event
from trainer.recipe.config import RecipeConfig
from trainer.recipe.pipeline import tailor
from trainer.recipe.timing import elapsed as elapsed_module
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.recipe.timing.elapsed import Elapsed
from trainer.recipe.timing.throughput import Throughput, Throughputs
from trainer.recipe.timing.time_budget import TimeBudget
from trainer.training.fit import Epoch
from trainer.training.schedule import Schedule

IMAGES = 1000
TEACHER, STUDENT, CANDIDATE = (Throughput(image=image, epoch=0.5) for image in (0.001, 0.0025, 0.002))


class Simulation:
    """A recipe whose runs take exactly as long as their throughput says, or `slower` times that."""

    def __init__(self, folder: Path, minutes: float, *, slower: float = 1.0) -> None:
        self.elapsed, self.slower = SetTime(), slower
        self.history: dict[str, Sequence[Epoch]] = {}
        self.minutes, self.folder = minutes, folder
        self.log: list[str] = []

    def budget(self) -> TimeBudget:
        return TimeBudget(
            minutes=self.minutes,
            elapsed=self.elapsed,
            decision_log=DecisionLog(self.folder / "decisions.json"),
            throughputs=Throughputs(teacher=TEACHER, student=STUDENT, candidate=CANDIDATE),
            images=IMAGES,
            measured_images=100,
            history=self.history,
            log=self.log.append,
        )

    def run(self, name: str, throughput: Throughput, epochs: int) -> None:
        seconds = self.slower * (IMAGES * throughput.image)
        self.history[f"fold0/{name}"] = [
            Epoch(number=number, losses={}, accuracy=None, seconds=seconds) for number in range(1, epochs + 1)
        ]
        self.elapsed.now += self.slower * throughput.seconds(epochs, IMAGES)

    def whole(self, config: RecipeConfig) -> tuple[RecipeConfig, int, list[int]]:
        """Everything in order; the last configuration, the folds, and the networks there was time to cut down to, then
        those there was time to polish."""
        budget = self.budget()
        config, folds = budget.teachers(config, 3)
        for fold in range(folds):
            for lr in config.teacher_lrs:
                self.run(f"teacher-lr{lr}-{fold}", TEACHER, config.teacher.epochs_of(IMAGES))
            for cycle in config.teacher_cycles:
                self.run(f"teacher-c{cycle}-{fold}", TEACHER, config.teacher.epochs_of(IMAGES) * cycle)
        config = budget.students(config, folds)
        for fold in range(folds):
            self.run(f"student-{fold}", STUDENT, config.student.epochs_of(IMAGES))
        config = budget.candidates(config, folds)
        done = []
        for run, blocks in [*(("recover", k) for k in range(1, 10)), *(("retrain", k) for k in (6, 7, 5))]:
            if not budget.allows(blocks, config, folds, polish=run == "retrain"):
                continue
            done.append(blocks)
            schedule = config.retrain if run == "retrain" else config.recover
            for fold in range(folds):
                self.run(f"{run}-{blocks}-{fold}", CANDIDATE, schedule.epochs_of(IMAGES))
        return config, folds, done


def test_with_time_enough_nothing_is_changed(tmp_path: Path) -> None:
    config = RecipeConfig(max_minutes=600)
    assert Simulation(tmp_path, 600).whole(config) == (config, 3, [*range(1, 10), 6, 7, 5])


@pytest.mark.parametrize("slower", [1.0, 1.5])
@pytest.mark.parametrize("minutes", [0.4, 0.7, 1.5, 4, 10, 25])
def test_whatever_the_time_it_is_kept(tmp_path: Path, minutes: float, slower: float) -> None:
    """The teacher's plan cannot know that the machine will be slower; the later ones make up for it."""
    simulation = Simulation(tmp_path, minutes, slower=slower)
    config, folds, done = simulation.whole(RecipeConfig(max_minutes=minutes))
    assert simulation.elapsed.now <= 60 * minutes or (slower > 1 and minutes < 1)
    assert done or minutes < 0.5
    assert simulation.elapsed.now >= 0.3 * 60 * minutes
    assert config.student.epochs_of(IMAGES) >= 1
    report = simulation.budget().report()
    assert [stage["stage"] for stage in report["stages"]] == ["teacher", "student", "retrain"]  # type: ignore[index, call-overload, union-attr]  # a list of objects
    assert folds == (1 if minutes < 10 else folds)


def test_a_run_that_goes_on_decides_the_same(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path, 4)
    first = simulation.whole(RecipeConfig(max_minutes=4))
    simulation.elapsed.now = 0.0  # whatever time and history say now
    simulation.history.clear()
    assert simulation.whole(RecipeConfig(max_minutes=4)) == first


def test_too_little_time_says_what_would_be_needed(tmp_path: Path) -> None:
    with pytest.raises(TimeTooShort) as fault:
        Simulation(tmp_path, 0.05).whole(RecipeConfig(max_minutes=0.05))
    needed = fault.value.needed
    assert 0.05 < needed < 1
    assert f"{needed:.2g} minutes" in str(fault.value)
    enough = Simulation(tmp_path / "enough", needed * 1.05)
    enough.whole(RecipeConfig(max_minutes=needed * 1.05))


@given(st.floats(0.001, 5), st.floats(0, 20), st.integers(1, 50))
def test_the_fewer_epochs_the_less_time(image: float, epoch: float, epochs: int) -> None:
    throughput = Throughput(image=image, epoch=epoch)
    assert throughput.seconds(epochs, 10) < throughput.seconds(epochs + 1, 10)


def test_the_time_of_all_attempts_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    path.write_text(json.dumps({"seconds": 100.0}))
    with Elapsed(path) as elapsed:
        threading.Event().wait(0.01)
        assert 100.0 < elapsed.seconds < 160.0
    assert json.loads(path.read_text())["seconds"] >= 100.0
    assert Elapsed(path).seconds >= elapsed.seconds - 60.0


def test_the_time_in_which_images_are_decoded_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode_them(*_: object) -> NoReturn:
        until((tmp_path / "clock.json").exists)
        raise Broken

    monkeypatch.setattr(elapsed_module, "_SAVE_SECONDS", 0.01)
    monkeypatch.setattr("trainer.recipe.pipeline.load_dataset", decode_them)
    with pytest.raises(Broken):
        tailor(
            "colours",
            tmp_path / "dataset.zip",
            tiniest_config(max_minutes=1),
            backbone=seeded_backbone(),
            report=lambda event: None,
            checkpoints=tmp_path,
        )


def test_a_disk_that_is_full_for_a_while_costs_no_time_that_was_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What takes its time on the way is saved when there is room again."""
    path = tmp_path / "elapsed" / "clock.json"
    monkeypatch.setattr(elapsed_module, "_SAVE_SECONDS", 0.01)
    path.parent.write_bytes(b"in the way")
    with Elapsed(path):
        until(lambda: "cannot be saved" in caplog.text)
        path.parent.unlink()
        until(path.exists)


SIX = Schedule(epochs=6, lr=0.01, batch_size=36, clip=3.0)
SLOW = {  # whatever the tests' machine does meanwhile
    kind: {"image": image, "epoch": 0.0} for kind, image in (("teacher", 0.5), ("student", 1.0), ("candidate", 1.0))
}


def slow_machine(folder: Path) -> Path:
    """A folder of checkpoints in which the throughput is measured already."""
    folder.mkdir()
    (folder / "decisions.json").write_text(json.dumps({"throughputs": SLOW}))
    return folder


def test_a_limited_tailoring_says_what_it_did_and_ends_with_the_same_bundle_after_a_break(tmp_path: Path) -> None:
    def die(event: Event) -> None:
        events.append(event)
        if event.kind == "epoch" and event.stage == "student":
            raise Broken

    events: list[Event] = []
    config = tiniest_config(teacher=SIX, student=SIX, retrain=tiniest_config().retrain, max_minutes=5)
    folder = slow_machine(tmp_path / "broken")
    with pytest.raises(Broken):
        tailored(folder, die, config)
    decided = json.loads((folder / "decisions.json").read_text())
    again = tailored(folder, config=config)
    made = json.loads((folder / "decisions.json").read_text())
    assert {name: made[name] for name in decided} == decided

    recipe = decode(again.bundle).manifest.recipe
    for run in ("teacher", "student"):
        assert 1 <= recipe[run]["epochs"] == made[run]["epochs"] < 6
    assert recipe["max_minutes"] == 5
    assert len(again.history["fold0/student"]) == recipe["student"]["epochs"]
    assert any("time: student" in str(e.fields.get("message")) for e in events)
    assert again.time is not None
    assert 0 < float(again.time["used_minutes"]) < 5  # type: ignore[arg-type]  # a number
    assert (recipe["time_limited"], recipe["skipped"]) == (True, again.time["skipped"])
    assert f"teacher: {made['teacher']['epochs']} of 6 epochs" in recipe["skipped"]

    # Another folder with these decisions: an uninterrupted run ends with these bytes.
    whole = slow_machine(tmp_path / "whole")
    (whole / "decisions.json").write_text((folder / "decisions.json").read_text())
    assert tailored(whole, config=config).bundle == again.bundle


@pytest.mark.nightly
def test_schedules_of_hours_are_cut_to_half_a_minute(tmp_path: Path) -> None:
    long = replace(SIX, epochs=5000)
    config = tiniest_config(teacher=long, student=long, retrain=long, max_minutes=0.5)
    result = tailored(tmp_path, config=config)
    recipe = decode(result.bundle).manifest.recipe
    assert all(1 <= recipe[run]["epochs"] < 5000 for run in ("teacher", "student", "retrain"))
    assert result.time is not None
    assert float(result.time["used_minutes"]) < 1  # type: ignore[arg-type]  # a number; other processes compete


def test_without_time_for_a_candidate_the_student_itself_is_published(tmp_path: Path) -> None:
    (tmp_path / "decisions.json").write_text(json.dumps({"k01": False, "polish00": False}))
    result = tailored(tmp_path, config=tiniest_config(max_minutes=30))
    assert [row["k"] for row in result.pareto_front] == [0]
    assert all(result.manifest.plan.blocks)
    assert result.manifest.recipe["skipped"] == [
        "search: smaller networks were not tried",
        "retraining: not of every network that it was meant for",
    ]


def test_too_little_time_for_a_real_one(tmp_path: Path) -> None:
    with pytest.raises(TimeTooShort):
        tailored(tmp_path, config=tiniest_config(max_minutes=1e-5))
