"""Ids as tables show them: as much of the beginning as tells them apart, which commands take for the whole."""

from collections.abc import Iterable

_JOB_CHARACTERS = 8
_DIGEST_CHARACTERS = 12
_ALGORITHM = "sha256:"


def short_jobs(ids: Iterable[str]) -> dict[str, str]:
    """By id: at least 8 characters, and as many more as any two of them have in common."""
    known = set(ids)
    length = _JOB_CHARACTERS
    while len({each[:length] for each in known}) < len(known):
        length += 1
    return {each: each[:length] for each in known}


def short_digest(digest: str) -> str:
    """Of a digest or a fingerprint, without the name of the algorithm."""
    return digest.removeprefix(_ALGORITHM)[:_DIGEST_CHARACTERS]
