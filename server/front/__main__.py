"""`python -m server.front`: one front; `process_tree` starts it, with what it inherits."""

import argparse
import socket
from pathlib import Path

from hosting.access.rates.shared_buckets import SharedBuckets
from hosting.settings.outset import ending_in_a_line, settings_of
from hosting.web.connection.shared_addresses import SharedAddresses
from hosting.web.process import begin, configured, serve
from server.front.app import create_app
from server.front.front import Front
from server.front.listening import FrontServer
from server.front.places import Places
from server.front.shares import share
from server.link.front_end import FrontEnd
from server.link.reports import Reports
from server.settings import ServerSettings


def main() -> None:
    given = _given()
    whole = settings_of(ServerSettings)
    begin(whole, given.service)
    settings, places, reports = share(whole, given.fronts), Places(folder=given.folder), Reports()
    front_end = FrontEnd(places.link, number=given.number, pool_bytes=settings.front_pool_bytes, reports=reports)
    front = Front(settings, front_end, reports)
    with ending_in_a_line(), socket.socket(fileno=given.listener) as listener:
        app = create_app(front, front_end, places, _buckets(settings, given.buckets))
        addresses = SharedAddresses(given.addresses, own=given.number - 1)
        serve(FrontServer(configured(app, settings, grace_s=given.grace, addresses=addresses), front), listener)


def _buckets(settings: ServerSettings, descriptor: int) -> SharedBuckets | None:
    if not settings.rate_limit_per_second:
        return None
    return SharedBuckets(descriptor, per_second=settings.rate_limit_per_second, burst=settings.rate_burst)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m server.front", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the engine's sockets are")
    parser.add_argument("--number", type=int, required=True, help="of this front, from 1")
    parser.add_argument("--fronts", type=int, required=True, help="that share the limits")
    parser.add_argument("--listener", type=int, required=True, help="descriptor of the socket that all listen on")
    parser.add_argument("--buckets", type=int, required=True, help="descriptor of the rate limits that all count in")
    parser.add_argument(
        "--addresses", type=int, required=True, help="descriptor of what counts each address's connections"
    )
    parser.add_argument("--grace", type=int, required=True, help="seconds for requests under way when told to stop")
    parser.add_argument("--service", required=True, help="what traces call this")
    return parser.parse_args()


if __name__ == "__main__":
    main()
