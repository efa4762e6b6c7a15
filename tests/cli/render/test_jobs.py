from cli.render.jobs import jobs_table
from tests.answers import job
from tests.cli.render.shown import shown

FRONT = [{"k": 6, "accuracy": 0.9, "best": True}, {"k": 9, "accuracy": 0.8, "best": False}]


def test_a_job_shows_what_came_of_it() -> None:
    text = shown(
        jobs_table(
            [
                job(id="j1", state="failed", progress=0.25, error={"detail": "too small"}),
                job(id="j2", state="succeeded", progress=1.0, result={"version": 4}, front=FRONT),
                job(id="j3", state="running", progress=0.8, front=FRONT),
            ]
        )
    )
    for part in ("j1", "failed", "25%", "too small", "j2", "succeeded", "100%", "version 4"):
        assert part in text
    assert text.count("so far: 6 blocks removed, accuracy 90.0%") == 1
