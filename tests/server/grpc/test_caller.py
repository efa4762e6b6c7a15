import pytest

from server.grpc.caller import caller_of


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:50432", ("127.0.0.1", 50432)),
        ("ipv6:%5B::1%5D:50432", ("::1", 50432)),
        ("ipv6:[2001:db8::1]:1", ("2001:db8::1", 1)),
        ("unix:", None),
        ("unix:/tmp/socket:1", None),
    ],
)
def test_addresses(peer: str, address: tuple[str, int] | None) -> None:
    assert caller_of((), peer).address == address


def test_only_what_http_knows_is_passed_on() -> None:
    caller = caller_of(
        [("authorization", "Bearer x"), ("host", "evil"), ("content-length", "7"), ("x-request-id", b"\0")], "unix:"
    )
    assert caller.authorization == "Bearer x"
    assert caller.headers == [(b"authorization", b"Bearer x")]
