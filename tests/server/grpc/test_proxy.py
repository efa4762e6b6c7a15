"""The proxy that docs/open-inference.md shows, as a real nginx before a real server."""

import contextlib
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.deploy.programs import program
from tests.documented import ROOT
from tests.processes.ports import free_port
from tests.server.asking import FILES
from tests.server.grpc.calling import calling, images
from tests.server.running import Running
from tests.waiting import until

_SHOWN = re.search(r"```nginx\n(.*?)```", (ROOT / "docs/open-inference.md").read_text(), re.DOTALL)


def configuration(folder: Path, listen: int, server: int) -> str:
    assert _SHOWN is not None
    shown = _SHOWN[1].replace("listen 8081", f"listen 127.0.0.1:{listen}").replace("server:8001", f"127.0.0.1:{server}")
    kept = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Debian's nginx is older than the directive.
    shown = re.sub(r"listen (\S+);\n\s*http2 on;", r"listen \1 http2;", shown)
    head = f"daemon off;\npid {folder}/pid;\nerror_log /dev/stderr warn;\nevents {{}}\n"
    return f"{head}http {{\naccess_log off;\n{kept}{shown}}}\n"


@contextlib.contextmanager
def proxied(server_port: int) -> Iterator[int]:
    """The port of the proxy."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="nettailor-proxy-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, nginx's workers run as somebody else
        path = folder / "nginx.conf"
        path.write_text(configuration(folder, port, server_port))
        process = subprocess.Popen([program("nginx"), "-c", str(path)])
        try:
            until(lambda: _is_open(port), process=process)
            yield port
        finally:
            process.terminate()
            process.wait(60)


def _is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture
def nobody() -> int:
    """A port that nobody listens on."""
    return free_port()


def test_the_documented_proxy_passes_calls_and_says_when_nobody_is_there(server: Running, nobody: int) -> None:
    with proxied(server.service.settings.grpc_port) as port, calling(port) as caller:
        assert caller.call("ModelInfer", request=images(*FILES)).model_version == "1"
        assert [answer.error_message for answer in caller.stream([images(FILES[0])] * 3)] == ["", "", ""]
        assert caller.refused("ModelInfer", request=images(b"x"))[0] is grpc.StatusCode.INVALID_ARGUMENT
    with proxied(nobody) as port, calling(port) as caller:
        assert caller.refused("ServerLive") == (grpc.StatusCode.UNAVAILABLE, "no server is there")
