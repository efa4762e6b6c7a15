"""The worker with the work-horse of `fake_horse`; all else is the real thing."""

from trainer.workers.worker import TrainerWorker, main


class FakeRecipeWorker(TrainerWorker):
    horse_module = "tests.trainer.workers.fake_job_process"


if __name__ == "__main__":
    from tests.trainer.workers.fake_worker import FakeRecipeWorker as Importable

    main(Importable)
