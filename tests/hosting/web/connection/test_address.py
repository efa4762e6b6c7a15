import pytest

from hosting.web.connection.address import home_of


@pytest.mark.parametrize(
    ("host", "home"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a:b", "a:b"),
        ("", ""),
    ],
)
def test_addresses(host: str, home: str) -> None:
    assert home_of(host) == home
