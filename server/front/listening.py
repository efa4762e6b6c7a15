"""The server of a front, on a socket that it shares with others (torch-free).

One socket that all inherit, and not one each (SO_REUSEPORT): a connection then waits for whichever front is free
first, and one that waits when a front dies is another's, where the kernel would end those in the queue of the dead.
"""

import socket

from hosting.web.draining import DrainingServer

# Connections that a front accepts before the others have a turn, where asyncio would take all that wait (of 300 at once
# two processes took 76 and 224). Under uvloop they share as evenly without it, 138 and 162.
_AT_ONCE = 4


class FrontServer(DrainingServer):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        waiting, self.config.backlog = self.config.backlog, _AT_ONCE
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(waiting)  # the loop has made the queue as short as its turns
