"""A real S3 endpoint over HTTP: moto's server, one request at a time.

One at a time because a conditional put must be one step, as S3's is; moto looks and then writes.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import fsspec
import pytest

App = Callable[[dict[str, Any], Any], Any]  # WSGI


@contextlib.contextmanager
def s3_endpoint(front: Callable[[App], App] = lambda app: app) -> Iterator[str]:
    """Its URL; `front` may see requests first. Skips the test where moto or s3fs is not installed."""
    pytest.importorskip("s3fs", reason="no s3fs: install the extra s3")
    moto = pytest.importorskip("moto.server", reason="no moto: install the extra dev")
    serving = pytest.importorskip("werkzeug.serving")
    app = front(moto.DomainDispatcherApplication(moto.create_backend_app))
    server = serving.make_server("127.0.0.1", 0, app, threaded=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def s3_settings(endpoint: str) -> Iterator[None]:
    """fsspec's own settings, as an operator would give them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setitem(fsspec.config.conf, "s3", {"endpoint_url": endpoint, "key": "testing", "secret": "testing"})
        yield
