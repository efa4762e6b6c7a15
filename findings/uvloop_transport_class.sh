#!/usr/bin/env bash
# Transports of uvloop are not instances of asyncio.Transport.
#
# A protocol whose `connection_made` looks at the class of what it gets, or a type checker's narrowing by an assert, is
# right under asyncio's own loop and fails under uvloop's, for TCP and for Unix sockets alike. The methods are all there.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check uvloop==0.23.0
cd "$work"
cat > transports.py <<'PYTHON'
import asyncio
import inspect
import platform
import sys

import uvloop

KNOWN = {("asyncio", "TCP"): True, ("asyncio", "Unix"): True, ("uvloop", "TCP"): False, ("uvloop", "Unix"): False}


async def seen() -> dict[str, asyncio.BaseTransport]:
    loop = asyncio.get_running_loop()
    tcp = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    unix = await loop.create_unix_server(asyncio.Protocol, "./socket")
    found = {}
    found["TCP"], _ = await loop.create_connection(asyncio.Protocol, *tcp.sockets[0].getsockname())
    found["Unix"], _ = await loop.create_unix_connection(asyncio.Protocol, "./socket")
    for transport in found.values():
        transport.close()
    tcp.close()
    unix.close()
    return found


def methods(of: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(of, callable) if not name.startswith("_")}


print("Python", platform.python_version(), "uvloop", uvloop.__version__)
outcome = {}
for name, factory in (("asyncio", asyncio.new_event_loop), ("uvloop", uvloop.new_event_loop)):
    with asyncio.Runner(loop_factory=factory) as runner:
        for kind, transport in runner.run(seen()).items():
            outcome[name, kind] = isinstance(transport, asyncio.Transport)
            missing = methods(asyncio.Transport) - methods(type(transport))
            print(f"{name}, {kind}: isinstance(transport, asyncio.Transport) is {outcome[name, kind]}, lacks {missing or 'none'}")

if outcome != KNOWN:
    sys.exit("the behaviour has changed")
print("as it was found")
PYTHON
venv/bin/python transports.py
