"""The password of Redis: from a file (a mounted secret), so that it is in no setting and on no command line."""

from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from hosting.errors import PasswordFileUnusable


def with_password(url: str, file: Path) -> str:
    """The URL with the file's first line as its password, whatever password it had. Raises `PasswordFileUnusable`."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise PasswordFileUnusable(str(file), str(error)) from error
    password = lines[0].strip() if lines else ""
    if not password:
        raise PasswordFileUnusable(str(file), "it is empty")
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))
