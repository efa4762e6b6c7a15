"""The error of a body that does not come."""

from starlette.exceptions import HTTPException


class SlowBody(HTTPException):
    """Raised where a body is read. Its kind is one that FastAPI lets pass, too, and the problem handlers answer it."""

    def __init__(self) -> None:
        super().__init__(408, "the body did not come in time", headers={"Connection": "close"})
