"""The limits of a server's connections, as the settings have them."""

from dataclasses import dataclass

from hosting.processes.descriptors import open_files_limit
from hosting.settings.settings import Settings

MIB = 2**20

# Open files that connections leave to the rest of the process, where the limit is so large. Of a larger one a quarter
# is left, until it is enough for the longest queue of connections: a setting of as many as there are files would leave
# a queue so short that the kernel drops a burst of clients, whose next attempts are seconds apart.
_KEPT_FILES = 256
_LONGEST_QUEUE = 2048
_FILES_A_PLACE = 8  # in the queue


@dataclass(frozen=True, kw_only=True)
class Limits:
    url_bytes: int  # of a request's target, as it was sent
    header_bytes: int  # of names and values together
    headers: int
    header_s: float  # from a request's first byte, or from the connection, to the end of the headers
    bytes_per_s: float  # that a peer has to send or to take on the average of `transfer_s`, or it is given up
    transfer_s: float
    connections: int
    connections_per_address: int  # 0: no limit
    rest_bytes: int = 64 * MIB  # of a body, read and thrown away so that its sender gets to see the answer
    linger_s: float = 5.0  # as `transfer_s`, of such a rest
    pipelined: int = 64  # requests that wait for the answers to earlier ones of their connection

    @property
    def shortest_s(self) -> float:
        return min(self.header_s, self.transfer_s, self.linger_s)


def limits_of(settings: Settings) -> Limits:
    """The limits for this process, which has only so many files that it may open."""
    return Limits(
        url_bytes=settings.max_url_bytes,
        header_bytes=settings.max_header_bytes,
        headers=settings.max_headers,
        header_s=settings.header_timeout_seconds,
        bytes_per_s=settings.transfer_bytes_per_second,
        transfer_s=settings.transfer_timeout_seconds,
        connections=min(settings.max_connections, connections_within(open_files_limit())),
        connections_per_address=settings.max_connections_per_address,
    )


def connections_within(files: int) -> int:
    """How many of the files that a process may open can be connections: at least half of them, and three quarters where
    that leaves 256 to the rest of the process."""
    left = min(files // 4, _FILES_A_PLACE * _LONGEST_QUEUE)
    return max(files // 2, files - max(left, _KEPT_FILES))


def backlog_within(files: int, connections: int) -> int:
    """How many connections may wait to be accepted, and are accepted in one go: where it is small, whoever connects
    while others do has to try again a second later. Those that will be refused are open files until they are closed, so
    several such goes must fit into what connections leave."""
    return max(8, min(_LONGEST_QUEUE, (files - connections) // _FILES_A_PLACE))
