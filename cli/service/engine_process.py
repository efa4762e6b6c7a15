"""`python -m cli.service.engine_process`: registry, trainer and engine behind the fronts of `nettailor up`.

That starts it, and the Redis that it uses."""

import logging

from cli.service.app import serving
from cli.service.grace import GRACE_SECONDS
from hosting.errors import HostingError
from hosting.processes.garbage import collect_rarely
from hosting.settings.outset import ending_in_a_line, settings_of
from hosting.web.process import begin
from nettailor.errors import NetTailorError
from registry.errors import RegistryError
from server.errors import ServerError
from server.front.engine_side import EngineSide, engine_arguments, shared_buckets
from server.front.places import Places
from server.settings import ServerSettings
from trainer.errors import TrainerError
from trainer.settings import Settings as TrainerSettings


def main() -> None:
    given = engine_arguments()
    settings, trainer_settings = settings_of(ServerSettings), settings_of(TrainerSettings)
    assert settings.redis_url is not None
    begin(settings, "up")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    buckets = shared_buckets(settings, given.buckets)
    with (
        ending_in_a_line(NetTailorError, HostingError, RegistryError, TrainerError, ServerError),
        serving(settings, trainer_settings, settings.redis_url, buckets=buckets) as (app, server),
    ):
        places = Places(folder=given.folder)
        collect_rarely()
        EngineSide(app, server, settings, places, grace_s=GRACE_SECONDS).serve_fronts()


if __name__ == "__main__":
    main()
