from cli.render.jobs import jobs_table
from tests.cli.render.shown import shown

FRONT = {"front": [{"k": 6, "accuracy": 0.9, "best": True}, {"k": 9, "accuracy": 0.8, "best": False}]}


def test_a_job_shows_what_came_of_it() -> None:
    text = shown(
        jobs_table(
            [
                {"id": "j1", "task": "signs", "state": "failed", "progress": 0.25, "error": {"detail": "too small"}},
                {"id": "j2", "task": "signs", "state": "succeeded", "progress": 1.0, "result": {"version": 4}, **FRONT},
                {"id": "j3", "task": "signs", "state": "running", "progress": 0.8, "result": None, **FRONT},
            ]
        )
    )
    for part in ("j1", "failed", "25%", "too small", "j2", "succeeded", "100%", "version 4"):
        assert part in text
    assert text.count("so far: 6 blocks removed, accuracy 90.0%") == 1
