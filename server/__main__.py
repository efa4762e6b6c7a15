"""`python -m server`: the server's HTTP app on its own, over the registry that the settings name."""

from hosting.web.draining import DrainingServer
from hosting.web.process import begin, configured, serve, settings_of
from registry.wiring import redis_service, serving_registry
from server.app import create_app
from server.service import Service
from server.settings import ServerSettings


def main() -> None:
    settings = settings_of(ServerSettings)
    begin(settings, "server")
    with redis_service(settings) as url, serving_registry(settings, url) as registry:
        service = Service(settings, registry)
        config = configured(create_app(settings, registry, service=service), settings)
        serve(DrainingServer(config, service))


if __name__ == "__main__":
    main()
