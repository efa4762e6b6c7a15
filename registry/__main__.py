"""`python -m registry`: the registry's HTTP app on its own."""

import time

import uvicorn

from hosting.disk.housekeeping import Housekeeping
from hosting.processes.usage import take_no_options
from hosting.settings.outset import ending_in_a_line, settings_of
from hosting.settings.settings import Settings
from hosting.web.process import begin, configured, serve
from registry.errors import RegistryError
from registry.http.app import create_app
from registry.wiring import drop_left, redis_service, serving_registry


def main() -> None:
    settings = settings_of(Settings)
    begin(settings, "registry")
    left = Housekeeping({"files of killed processes": lambda: drop_left(settings, time.time())})
    with (
        ending_in_a_line(RegistryError),
        redis_service(settings) as url,
        serving_registry(settings, url) as registry,
        left,
    ):
        serve(uvicorn.Server(configured(create_app(registry, settings), settings)))


if __name__ == "__main__":
    take_no_options("registry", __doc__)
    main()
