"""Which service a command talks to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from cli.service.advice import adding_advice
from cli.service.local_service import local_service, running_url
from cli.service.login_name import login_name
from nettailor.printable import printable
from nettailor_client import IMPATIENT, Client, ClientError, ServiceUnreachable
from nettailor_client.errors import Unavailable

DEFAULT_URL = "http://127.0.0.1:8000"


@contextmanager
def connected(
    url: str | None, data_dir: Path | None, *, key: str | None = None, default_dir: Path, notes: Console
) -> Iterator[Client]:
    """The service at `url`; or that of `data_dir`, started for the duration if it is not running; or, given neither,
    the one running on the default folder or at the default URL. Without a key the history names whoever is logged in.

    Raises `ServiceUnreachable`, `ServiceStartFailed`, `CannotWrite`.
    """
    if url is None and data_dir is not None:
        if running_url(data_dir) is None:
            notes.print(printable(f"starting a service on {data_dir} for this command ..."), style="dim")
        with local_service(data_dir) as found, _client(found, key) as client, adding_advice(client):
            yield client
        return
    with _client(url or running_url(default_dir) or DEFAULT_URL, key) as client, adding_advice(client):
        _check_there(client)
        yield client


def _check_there(client: Client) -> None:
    """Whether there is a service to talk to, asked once. One that is not ready says itself what is the matter, and on a
    full disk still reads and deletes. Raises `ServiceUnreachable`."""
    if client.is_ready():
        return
    with Client(client.url, patience=IMPATIENT) as impatient:
        try:
            impatient.readiness()
        except Unavailable:
            pass
        except ServiceUnreachable:
            raise
        except ClientError as error:  # somebody else's, or a proxy without its service
            raise ServiceUnreachable(client.url, str(error)) from error


def _client(url: str, key: str | None) -> Client:
    return Client(url, key=key, actor=login_name())
