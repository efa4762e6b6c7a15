"""Links to pages of the service."""

from nettailor_client.answers.pages import Link
from nettailor_client.body import json_body
from nettailor_client.operation import Operation
from nettailor_client.request import Request, read_as


class PageRoutes:
    @Operation
    def link(self, path: str = "/") -> Request[Link]:
        """What opens the page at a path, `/tasks/signs/report` for one, in a browser, which sends no key.

        `/` is the front page, which leads to the others.
        """
        return Request(method="POST", path="/links", body=json_body({"path": path}), parse=read_as(Link))
