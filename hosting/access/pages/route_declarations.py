"""The front page, and links to pages."""

from hosting.access.route_table import Route

HOME = Route(method="GET", path="/", scope="read", is_page=True, guests=True, any_task=True)
MAKE_LINK = Route(method="POST", path="/links", scope="read", any_task=True)

ROUTES = (HOME, MAKE_LINK)
