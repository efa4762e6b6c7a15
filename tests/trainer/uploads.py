"""A small upload that is accepted."""

import httpx

from tests.trainer import archives

GOOD = archives.zip_of(archives.class_folders())


def upload(
    http: httpx.Client, data: bytes = GOOD, headers: dict[str, str] | None = None, *, task: str = "pets"
) -> httpx.Response:
    return http.post(f"/tasks/{task}/dataset?preset=fast&seed=3", content=data, headers=headers)
