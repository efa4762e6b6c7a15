import socket
from threading import Thread

import httpx

from nettailor_client import Client

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"


def _answer_once(listening: socket.socket, after: list[bytes]) -> None:
    """Answer one request without closing the connection, and note what comes after it: nothing, if it is closed."""
    connection, _ = listening.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(_ANSWER)
        connection.settimeout(30)
        after.append(connection.recv(1))


def test_a_client_that_is_closed_while_it_connects_leaves_no_connection_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        after: list[bytes] = []
        server = Thread(target=_answer_once, args=(listening, after))
        server.start()
        http = httpx.Client(trust_env=False)
        client = Client(f"http://127.0.0.1:{listening.getsockname()[1]}", http=http)
        # As another thread closes it: httpx is past its own look at that, and has no connection yet.
        http.event_hooks = {"request": [lambda request: client.close()]}
        assert client.tasks() == []
        server.join()
    assert after == [b""]
