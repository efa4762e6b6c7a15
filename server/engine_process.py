"""`python -m server.engine_process`: the engine behind the fronts of `python -m server`, which starts it."""

from hosting.processes.garbage import collect_rarely
from hosting.settings.outset import ending_in_a_line, settings_of
from hosting.web.process import begin
from nettailor.errors import NetTailorError
from registry.errors import RegistryError
from registry.wiring import redis_service, serving_registry
from server.app import create_app
from server.errors import ServerError
from server.front.engine_side import EngineSide, engine_arguments, shared_buckets
from server.front.places import Places
from server.service import Service
from server.settings import ServerSettings


def main() -> None:
    given = engine_arguments()
    settings = settings_of(ServerSettings)
    begin(settings, "server")
    with (
        ending_in_a_line(NetTailorError, RegistryError, ServerError),
        redis_service(settings) as url,
        serving_registry(settings, url, writes=False) as registry,
    ):
        service = Service(settings, registry)
        buckets = shared_buckets(settings, given.buckets)
        app = create_app(settings, registry, service=service, buckets=buckets)
        service.start()  # not by the app, which would tell as a traceback why it cannot
        collect_rarely()
        EngineSide(app, service, settings, Places(folder=given.folder)).serve_fronts()


if __name__ == "__main__":
    main()
