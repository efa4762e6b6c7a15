"""The worker with the work-horse of `fake_horse`; all else is the real thing."""

from trainer.worker import TrainerWorker, main


class FakeRecipeWorker(TrainerWorker):
    horse_module = "tests.trainer.fake_horse"


if __name__ == "__main__":
    from tests.trainer.fake_worker import FakeRecipeWorker as Importable

    main(Importable)
