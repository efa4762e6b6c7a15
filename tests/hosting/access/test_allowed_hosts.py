import pytest

from hosting.access.allowed_hosts import AllowedHosts, is_loopback
from hosting.errors import HostNotAllowed


def allowed(header: str, *, listens_on: str = "127.0.0.1", configured: tuple[str, ...] = ()) -> bool:
    try:
        AllowedHosts(listens_on, configured).check(header)
    except HostNotAllowed:
        return False
    return True


def test_a_refusal_says_which_setting_adds_names() -> None:
    with pytest.raises(HostNotAllowed, match=r"'site\.example:80'.* NETTAILOR_ALLOWED_HOSTS"):
        AllowedHosts("127.0.0.1", ()).check("site.example:80")


@pytest.mark.parametrize(
    "header", ["localhost", "LocalHost:8000", "localhost.:1", "127.0.0.1", "127.8.9.1:8000", "[::1]:8000", "[::1]"]
)
def test_this_machine_is_always_allowed(header: str) -> None:
    assert allowed(header)
    assert allowed(header, listens_on="0.0.0.0")


@pytest.mark.parametrize(
    "header",
    [
        "site.example",
        "site.example:8000",
        "localhost.site.example",
        "127.0.0.1.site.example",
        "localhost@site.example",
        "1",
    ],
)
def test_names_of_others_are_not(header: str) -> None:
    for listens_on in ("127.0.0.1", "0.0.0.0", "::", "nas.local"):
        assert not allowed(header, listens_on=listens_on), listens_on


def test_what_it_listens_on_and_what_is_configured_are_names_of_its_own() -> None:
    assert allowed("nas.local:8000", listens_on="nas.local")
    assert allowed("[fd00::7]:8000", listens_on="fd00::7")
    assert allowed("Camera-Box:80", configured=("camera-box",))
    assert allowed("[fd00::8]", configured=("[fd00::8]",))
    assert not allowed("camera-box.site.example", configured=("camera-box",))
    assert allowed("whatever", configured=("*",))


def test_addresses_in_digits_will_do_where_others_reach_it() -> None:
    """A probe of a pod by its address, for one; no name server was asked, so nobody can have lied."""
    for header in ("10.1.2.3:8000", "192.168.7.7", "[fd00::9]:8000"):
        assert allowed(header, listens_on="0.0.0.0")
        assert allowed(header, listens_on="10.9.9.9")
        assert not allowed(header)


def test_who_sends_no_host_is_no_browser() -> None:
    assert allowed("")


def test_loopback() -> None:
    assert [host for host in ("localhost", "127.1.1.1", "::1", "0.0.0.0", "::", "nas") if is_loopback(host)] == [
        "localhost",
        "127.1.1.1",
        "::1",
    ]
