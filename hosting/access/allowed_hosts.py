"""Allowed hosts: without keys, a service answers to its own names alone.

A web site can let a name of its own resolve to this machine (DNS rebinding). A browser then takes the service for a
part of that site, whose pages may ask it anything and read the answers; but it says the site's name in `Host`.
"""

import ipaddress
from collections.abc import Collection

from hosting.errors import HostNotAllowed

EVERY_HOST = "*"


class AllowedHosts:
    """Names and addresses of this machine, what the service listens on, and those that the settings add.

    Where a service listens beyond this machine, any address in digits will do as well: it has many, and no name server
    was asked for it.
    """

    def __init__(self, listens_on: str, configured: Collection[str]) -> None:
        self._names = {"localhost", _plain(listens_on), *map(_plain, configured)}
        self._listens_on_all = not is_loopback(listens_on)

    def check(self, header: str) -> None:
        """A header `Host`, with or without a port; it may be empty, which no browser's is. Raises `HostNotAllowed`."""
        name = _plain(_without_port(header))
        if name and name not in self._names and EVERY_HOST not in self._names and not self._is_own_address(name):
            raise HostNotAllowed(header)

    def _is_own_address(self, name: str) -> bool:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._listens_on_all or address.is_loopback


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _without_port(header: str) -> str:
    if header.startswith("["):
        return header.partition("]")[0] + "]"
    name, colon, _ = header.rpartition(":")
    return name if colon else header


def _plain(host: str) -> str:
    """As it is compared: without brackets and the dot of the root, in lower case."""
    return host.strip("[]").rstrip(".").lower()
