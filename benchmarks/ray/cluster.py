"""A real Ray cluster of several nodes on this machine: for the benchmark, and for tests."""

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

import psutil
import ray
from ray import serve
from ray.cluster_utils import Cluster
from ray.serve.config import HTTPOptions, ProxyLocation

from benchmarks.workloads.mini26 import BACKBONE
from deploy.ray.application import build
from deploy.ray.scaling import Scaling
from nettailor.bundle.bundle import decode
from nettailor.network.backbones import load_backbone
from server.engine.engine import Engine
from server.kernels.device import open_device
from server.settings import ServerSettings

_NAME = "nettailor"
_STORE_BYTES = 100 * 2**20  # of shared memory a node; little goes through it


class LocalCluster:
    """The head holds the HTTP proxy and the ingress; every worker has room for one replica."""

    def __init__(self, cluster: Cluster, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._cluster = cluster
        self._workers: list[Any] = []

    def add_worker(self) -> None:
        node = self._cluster.add_node(num_cpus=1, resources={"replica": 1}, object_store_memory=_STORE_BYTES)
        self._workers.append(node)

    def kill_worker(self) -> None:
        """The oldest one, with everything that runs on it, as by a power cut."""
        node = self._workers.pop(0)
        (daemon,) = node.all_processes["raylet"]
        for process in psutil.Process(daemon.process.pid).children(recursive=True):
            process.kill()  # or a replica would see its node go, and might answer before it follows
        self._cluster.remove_node(node, allow_graceful=False)

    def deploy(self, settings: ServerSettings, **options: Any) -> None:
        """Until it is ready: one replica a worker at most, and ingresses that outlive every worker."""
        scaling = Scaling(ingresses=1, ingress_resources={"ingress": 1}, replica_resources={"replica": 1}, **options)
        serve.run(build(scaling, settings), name=_NAME)

    def remove(self) -> None:
        """The application, if there is one; until it is gone."""
        if _NAME in serve.status().applications:
            serve.delete(_NAME)


@contextlib.contextmanager
def local_cluster(workers: int) -> Iterator[LocalCluster]:
    """Serve is started on it, without an application."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    port = _free_port()
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "resources": {"ingress": 1},
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
        },
    )
    try:
        local = LocalCluster(cluster, port)
        for _ in range(workers):
            local.add_worker()
        ray.init(address=cluster.address, log_to_driver=False)
        # A proxy on every node would want the same port of this one machine.
        serve.start(proxy_location=ProxyLocation.HeadOnly, http_options=HTTPOptions(host="127.0.0.1", port=port))
        yield local
    finally:
        serve.shutdown()
        ray.shutdown()
        cluster.shutdown()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def device_bytes(bundle: bytes) -> int:
    """What a bundle of the mini backbone takes of a replica's device."""
    backbone = load_backbone(BACKBONE)
    engine = Engine(backbone, open_device("cpu", "auto", winograd=False))
    return engine.upload(engine.fold(decode(bundle))).size_bytes
