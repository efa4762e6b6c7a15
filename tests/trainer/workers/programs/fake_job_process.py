"""The job process with the recipe of `fake_recipe`; all else is the real thing."""

import sys

from tests.trainer import fake_recipe

if __name__ == "__main__":
    sys.modules["trainer.recipe.pipeline"] = fake_recipe
    from trainer.workers.job_process import main

    main(sys.argv[1:])
