"""Which addresses are one caller's."""

import ipaddress

_HOME_PREFIX = 64  # bits of an IPv6 address that one subscriber commonly has all the rest of


def home_of(host: str) -> str:
    """The address itself; of IPv6 the part that a subscriber cannot choose."""
    if ":" not in host:
        return host
    try:
        return str(ipaddress.ip_network((host.partition("%")[0], _HOME_PREFIX), strict=False))
    except ValueError:  # what a proxy wrote there is no address
        return host
