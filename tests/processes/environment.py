"""What the processes that tests start inherit."""

import os


def without_settings() -> dict[str, str]:
    """The environment, less what other tests of this process have set for services of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NETTAILOR_")}
