"""`python -m deploy.ray`: the application on the Ray cluster of `RAY_ADDRESS`, or on one of this machine alone."""

import os
import sys

from deploy.ray.errors import RegistryNotShared
from deploy.ray.scaling import Scaling
from deploy.ray.shared_redis import shared_redis
from hosting.settings.outset import settings_of
from hosting.web.process import begin
from server.settings import ServerSettings


def main() -> None:
    """Until told to stop; then every replica is drained and the application is gone from the cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    scaling = Scaling.of_command_line()
    settings = settings_of(ServerSettings)
    try:
        shared_redis(settings)
    except RegistryNotShared as failure:
        sys.exit(f"error: {failure}")
    _serve(scaling, settings)


def _serve(scaling: Scaling, settings: ServerSettings) -> None:
    """Ray takes seconds to import: what the settings lack, and what options there are, is told before."""
    import ray
    from ray import serve
    from ray.serve.config import HTTPOptions, ProxyLocation

    from deploy.ray.application import build

    application = build(scaling, settings)
    ray.init(log_to_driver=False)
    begin(settings, "ray")
    try:
        options = HTTPOptions(host=settings.host, port=settings.port)
        serve.start(proxy_location=ProxyLocation.EveryNode, http_options=options)
        serve.run(application, name="nettailor", blocking=True)
    finally:
        serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    main()
