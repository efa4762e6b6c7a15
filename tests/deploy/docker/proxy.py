"""The proxy of docker-compose.yml as a real nginx on this machine: its own files, other addresses."""

import contextlib
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.deploy.programs import program
from tests.documented import ROOT
from tests.processes.ports import free_port
from tests.waiting import until

FOLDER = ROOT / "deploy/docker/proxy"
_PATIENCE_S = 60.0


def moved(text: str, pattern: str, replacement: str) -> str:
    """The text with the pattern, which must be there, replaced."""
    changed, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    assert count, pattern
    return changed


def lay_out(into: Path, ports: Mapping[str, int], port: int) -> None:
    """The configuration with this machine's addresses. Debian's nginx does not know `resolve`: addresses need none."""
    for file in (*FOLDER.glob("*.conf"), FOLDER / "openapi.json"):
        shutil.copy(file, into)
    routes = into / "routes.conf"
    routes.write_text(moved(routes.read_text(), "/etc/nginx/nettailor/", f"{into}/"))
    main, upstreams = into / "nginx.conf", into / "upstreams.conf"
    text = moved(main.read_text(), r"listen 8080;", f"listen 127.0.0.1:{port};")
    main.write_text(moved(text, r"(\s)/tmp/", rf"\1{into}/"))
    text = moved(upstreams.read_text(), r"^resolver .*$", "")
    for service, where in ports.items():
        text = moved(text, rf"server {service}:8000 resolve ", f"server 127.0.0.1:{where} ")
    upstreams.write_text(text)


def try_out(folder: Path) -> "subprocess.CompletedProcess[str]":
    """`nginx -t`."""
    command = [program("nginx"), "-t", "-c", str(folder / "nginx.conf")]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@contextlib.contextmanager
def proxied(ports: Mapping[str, int], **changes: tuple[str, str]) -> Iterator[str]:
    """The proxy's URL. `changes`: for a file (`rates` is rates.conf), a pattern and what to put in its place."""
    port = free_port()
    # Not under pytest's folders, which only root may enter: as root, nginx's workers run as somebody else.
    with tempfile.TemporaryDirectory(prefix="nettailor-proxy-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        lay_out(folder, ports, port)
        for file, (pattern, replacement) in changes.items():
            path = folder / f"{file}.conf"
            path.write_text(moved(path.read_text(), pattern, replacement))
        process = subprocess.Popen([program("nginx"), "-c", str(folder / "nginx.conf")], stdout=subprocess.DEVNULL)
        try:
            until(lambda: _is_open(port), process=process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def _is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
