"""uvicorn's configuration with limits on its connections."""

from typing import Any

import uvicorn

from hosting.processes.descriptors import open_files_limit
from hosting.web.connection.census import Addresses, Census
from hosting.web.connection.limits import Limits, backlog_within
from hosting.web.connection.protocol import BoundedProtocol
from hosting.web.connection.watch import Watch


class BoundedConfig(uvicorn.Config):
    """Of one server, whose connections `census` counts and `watch` looks after. `addresses` counts those of several
    servers. `options` are uvicorn's own."""

    def __init__(self, app: Any, limits: Limits, *, addresses: Addresses | None = None, **options: Any) -> None:
        # No app of ours talks WebSocket, and a connection that is handed over to that protocol would have no limits.
        backlog = backlog_within(open_files_limit(), limits.connections)
        super().__init__(app, http=BoundedProtocol, ws="none", backlog=backlog, **options)
        self.limits = limits
        self.census = Census(limits, addresses)
        self.watch = Watch(limits.shortest_s)
