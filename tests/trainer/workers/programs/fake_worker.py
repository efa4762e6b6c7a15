"""The worker with the job process of `fake_job_process`; all else is the real thing."""

from trainer.workers.worker import TrainerWorker, main


class FakeRecipeWorker(TrainerWorker):
    job_process_module = "tests.trainer.workers.programs.fake_job_process"


if __name__ == "__main__":
    from tests.trainer.workers.programs.fake_worker import FakeRecipeWorker as Importable

    main(Importable)
