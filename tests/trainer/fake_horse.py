"""The work-horse with the recipe of `fake_recipe`; all else is the real thing."""

import sys

from tests.trainer import fake_recipe

if __name__ == "__main__":
    sys.modules["trainer.recipe"] = fake_recipe
    from trainer.horse import main

    main(sys.argv[1:])
