"""`python -m server`: the server's HTTP app on its own, over the registry that the settings name."""

from hosting.processes.usage import take_no_options
from hosting.web.draining import DrainingServer
from hosting.web.process import begin, configured, ending_in_a_line, serve, settings_of
from nettailor.errors import NetTailorError
from registry.errors import RegistryError
from registry.wiring import redis_service, serving_registry
from server.app import create_app
from server.errors import ServerError
from server.service import Service
from server.settings import ServerSettings


def main() -> None:
    settings = settings_of(ServerSettings)
    begin(settings, "server")
    with (
        ending_in_a_line(NetTailorError, RegistryError, ServerError),
        redis_service(settings) as url,
        serving_registry(settings, url, writes=False) as registry,
    ):
        service = Service(settings, registry)
        app = create_app(settings, registry, service=service)
        service.start()  # not by the app, which would tell as a traceback why it cannot
        serve(DrainingServer(configured(app, settings), service))


if __name__ == "__main__":
    take_no_options("server", __doc__)
    main()
