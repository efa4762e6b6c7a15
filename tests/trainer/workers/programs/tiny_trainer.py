"""`python -m trainer` with the workers of `tiny_worker`; all else is the real thing."""

from trainer.__main__ import main

if __name__ == "__main__":
    main("tests.trainer.workers.programs.tiny_worker")
