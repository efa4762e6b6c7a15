"""What a job process finds in its environment."""

import pytest

from trainer.workers.job_environment import job_environment


def test_it_has_the_worker_s_and_its_log_is_whole() -> None:
    found = job_environment({"NETTAILOR_DATA_DIR": "/data", "PYTHONUNBUFFERED": ""})
    assert (found["NETTAILOR_DATA_DIR"], found["PYTHONUNBUFFERED"], found["PYTHONFAULTHANDLER"]) == ("/data", "1", "1")


def test_its_threads_do_not_look_long_for_one_that_waits_for_the_processor() -> None:
    assert job_environment({})["GOMP_SPINCOUNT"] == "10000"


@pytest.mark.parametrize("said", [{"GOMP_SPINCOUNT": "5"}, {"OMP_WAIT_POLICY": "ACTIVE"}])
def test_an_operator_who_says_how_long_is_obeyed(said: dict[str, str]) -> None:
    found = job_environment(said)
    assert {name: value for name, value in found.items() if not name.startswith("PYTHON")} == said
