"""What `benchmarks.memory` measures, with a data set of a few kilobytes."""

from pathlib import Path

import pytest

from benchmarks.memory import GOAL_MIB, Stage, table_of, take_in, watched, write_upload
from trainer.intake.archives.archive import inspect
from trainer.intake.archives.limits import IntakeLimits


@pytest.mark.nightly  # a tool that is started by hand
def test_a_process_is_watched_stage_by_stage(tmp_path: Path) -> None:
    upload = tmp_path / "upload.zip"
    write_upload(upload, 120, 32)
    assert inspect(upload, IntakeLimits()).files == 120
    stages = watched(take_in, upload, tmp_path / "dataset.zip")
    (stage,) = stages.values()
    assert list(stages) == ["freeze"]
    assert 0 < stage.private_bytes < stage.resident_bytes < GOAL_MIB << 20
    assert stage.seconds > 0
    assert table_of({"load": Stage(private_bytes=3 << 20)}).row_count == 1
