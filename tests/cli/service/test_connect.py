"""Whether there is a service to talk to, and what is said where there is none."""

import socket
from pathlib import Path

import pytest
from fastapi import FastAPI
from rich.console import Console

from cli.service.connect import connected
from nettailor_client import ServiceUnreachable
from tests.serving import served


def _refused(url: str, folder: Path) -> str:
    with (
        pytest.raises(ServiceUnreachable) as raised,
        connected(url, None, default_dir=folder, notes=Console(quiet=True)),
    ):
        pytest.fail("there is no service")
    return str(raised.value)


def test_where_nothing_answers_it_is_said_why(tmp_path: Path) -> None:
    with socket.socket() as bound:  # and not listening
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        told = _refused(url, tmp_path)
    assert told.startswith(f"nothing answers at {url} (")
    assert told.endswith("Connection refused)")


def test_what_answers_and_is_no_service_is_told(tmp_path: Path) -> None:
    """Another program's port, or a mistyped address; encryption where there is none."""
    with served(FastAPI()) as url:
        assert "GET /readyz: 404" in _refused(url, tmp_path)
        assert "SSL" in _refused(url.replace("http:", "https:"), tmp_path)
