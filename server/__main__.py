"""`python -m server`: the server's HTTP app on its own, over the registry that the settings name.

With `NETTAILOR_FRONTS` it is a tree of processes: this one keeps them alive, and answers nothing itself.
"""

import socket
import sys

from hosting.processes.garbage import kept_imports
from hosting.processes.usage import take_no_options
from hosting.settings.outset import ending_in_a_line, settings_of
from hosting.web.process import GRACE_SECONDS, begin
from nettailor.errors import NetTailorError
from registry.errors import RegistryError
from registry.wiring import redis_service
from server.errors import ServerError
from server.front.process_tree import process_tree
from server.settings import ServerSettings


def main() -> None:
    settings = settings_of(ServerSettings)
    begin(settings, "server")
    with ending_in_a_line(NetTailorError, RegistryError, ServerError):
        if settings.fronts:
            _serve_by_fronts(settings)
        else:
            with kept_imports():
                from server.one_process import serve_alone  # torch, which a parent of other processes does without

            serve_alone(settings)


def _serve_by_fronts(settings: ServerSettings) -> None:
    with _listening(settings.host, settings.port) as listener, redis_service(settings) as url:
        engine = [sys.executable, "-m", "server.engine_process"]
        environment = {} if settings.redis_url else {"NETTAILOR_REDIS_URL": url}  # of a Redis that is our own
        with process_tree(
            listener,
            engine=engine,
            fronts=settings.fronts,
            service="server",
            grace_s=GRACE_SECONDS,
            environment=environment,
        ) as tree:
            tree.wait()


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        sys.exit(f"error: {host}:{port} cannot be listened on: {error.strerror or error}")


if __name__ == "__main__":
    take_no_options("server", __doc__)
    main()
