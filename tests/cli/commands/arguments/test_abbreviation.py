import httpx
import pytest

from cli.commands.arguments.abbreviation import meant, version_meant
from cli.errors import Ambiguous, NothingNamed, OptionUnusable
from nettailor_client import Client
from tests.answers import version

_DIGESTS = ("sha256:12345678aa", "sha256:12345678bb", "sha256:1234cc")


@pytest.fixture
def client() -> Client:
    """Of a task with three versions."""
    found = [version(version=1 + n, digest=digest).as_json() for n, digest in enumerate(_DIGESTS)]
    answer = httpx.Response(200, json=found)
    return Client("http://service", http=httpx.Client(transport=httpx.MockTransport(lambda _: answer)))


def test_a_name_or_its_beginning() -> None:
    assert meant("key", "ann", ["ann", "anna", "bob"]) == "ann"
    assert meant("key", "b", ["ann", "anna", "bob"]) == "bob"
    with pytest.raises(Ambiguous, match="more than one key begins with 'an': ann, anna") as raised:
        meant("key", "an", ["anna", "bob", "ann"])
    assert raised.value.candidates == ("ann", "anna")
    with pytest.raises(NothingNamed, match="no key is, or begins with, 'x'"):
        meant("key", "x", ["ann"])


@pytest.mark.parametrize(("text", "number"), [("2", 2), ("12345678", 12345678), ("12345678b", 2), ("sha256:1234c", 3)])
def test_a_version_by_its_number_or_its_digest(client: Client, text: str, number: int) -> None:
    assert version_meant(client, "signs", text) == number


def test_what_is_no_version(client: Client) -> None:
    with pytest.raises(Ambiguous, match=r"version of signs begins with 'sha256:12345678': sha256:12345678aa, sha256"):
        version_meant(client, "signs", "sha256:12345678")
    with pytest.raises(NothingNamed):
        version_meant(client, "signs", "abcd")
    for text in ("0", "live", "abc", "-1"):
        with pytest.raises(OptionUnusable, match="is no version"):
            version_meant(client, "signs", text)
