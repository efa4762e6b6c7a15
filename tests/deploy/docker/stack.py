"""The services of docker-compose.yml as processes of this machine: their own command lines and environments, each over
a bare environment of its own list; host names, ports, volumes and secrets become this machine's."""

import contextlib
import functools
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from hosting.access.key_file import add_key
from hosting.access.keys import SCOPES, new_key
from tests.deploy.docker.bare import bare_environment
from tests.deploy.docker.compose import services
from tests.deploy.docker.proxy import proxied
from tests.deploy.programs import program
from tests.processes.ports import free_port
from tests.waiting import PATIENCE_SECONDS, until

_BETWEEN_CHECKS_SECONDS = 0.25  # each is a process, beside those that it waits for
OURS = {"registry": "registry", "trainer": "trainer", "server": "server", "worker": "trainer"}  # service: image


@dataclass(kw_only=True)
class Stack:
    folder: Path
    ports: dict[str, int]
    pythons: dict[str, Path]
    secret: str
    url: str = ""
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.secret}"}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=PATIENCE_SECONDS)

    def run(self, name: str, command: list[str], *, stderr: int | None = None) -> "subprocess.Popen[bytes]":
        """A command in the service's container, so to speak."""
        service = services("cpu")[name]
        environment = {key: self._here(name, value) for key, value in service.get("environment", {}).items()}
        environment |= {"PATH": os.environ["PATH"], "HOME": str(self.folder), "OMP_NUM_THREADS": "1"}
        if name == "redis":
            environment["PATH"] = f"{self.folder / 'bin'}:{environment['PATH']}"
        command = [self._here(name, word) for word in command]
        if command[0] == "python":
            command[0] = str(self.pythons[OURS[name]])
        return subprocess.Popen(command, env=environment, cwd=self.folder, stderr=stderr)

    def start(self, name: str) -> None:
        self.processes[name] = self.run(name, services("cpu")[name]["command"])

    def is_healthy(self, name: str) -> bool:
        """By the service's own health check."""
        kind, *words = services("cpu")[name]["healthcheck"]["test"]
        command = words if kind == "CMD" else ["sh", "-c", *words]
        return self.run(name, command, stderr=subprocess.DEVNULL).wait(PATIENCE_SECONDS) == 0

    def _here(self, name: str, text: str) -> str:
        changes = {
            "redis:6379": f"127.0.0.1:{self.ports['redis']}",
            "0.0.0.0": "127.0.0.1",
            "127.0.0.1:8000": f"127.0.0.1:{self.ports.get(name, 0)}",
            "/run/secrets/": f"{self.folder}/secrets/",
        }
        for before, after in changes.items():
            text = text.replace(before, after)
        if text == "8000":
            return str(self.ports.get(name, 0))
        for volume in services("cpu")[name]["volumes"]:
            own = volume.get("source") or f"{name}-cache"
            target = volume["target"]
            if text == target or text.startswith(f"{target}/"):
                text = f"{self.folder}/volumes/{own}{text.removeprefix(target)}"
        return text.replace("--dir /data", f"--dir {self.folder}/volumes/redis")


@contextlib.contextmanager
def stack(folder: Path) -> Iterator[Stack]:
    """All healthy, in the order that docker-compose.yml gives."""
    key, secret = new_key("ann", SCOPES)
    for name in ("bin", "secrets", *(f"volumes/{volume}" for volume in ("redis", "blobs", "training", "server-cache"))):
        (folder / name).mkdir(parents=True)
    add_key(folder / "secrets/keys.json", key)
    (folder / "secrets/redis_password").write_text("5up3r-secret\n")
    ports = {name: free_port() for name in ("redis", "registry", "trainer", "server")}
    _stand_in(folder / "bin", ports["redis"])
    pythons = {image: bare_environment(image, folder / f"venv-{image}") for image in set(OURS.values())}
    made = Stack(folder=folder, ports=ports, pythons=pythons, secret=secret)
    try:
        made.start("redis")
        until(functools.partial(made.is_healthy, "redis"), process=made.processes["redis"])
        for name in OURS:
            made.start(name)
        for name in OURS:
            looking = functools.partial(made.is_healthy, name)
            until(looking, process=made.processes[name], pause_seconds=_BETWEEN_CHECKS_SECONDS)
        with proxied({name: ports[name] for name in ("registry", "trainer", "server")}) as made.url:
            yield made
    finally:
        for process in made.processes.values():
            process.terminate()
        for process in made.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            process.wait()


def _stand_in(folder: Path, port: int) -> None:
    """Debian's Redis by the names that Valkey's image gives its programs, on another port."""
    for name in ("server", "cli"):
        path = folder / f"valkey-{name}"
        option = "--port" if name == "server" else "-p"
        path.write_text(f'#!/bin/sh\nexec {program(f"redis-{name}")} {option} {port} "$@"\n')
        path.chmod(0o755)
