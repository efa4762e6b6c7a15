"""The registry's routes, beside those that every app has (`hosting.access.open_routes`)."""

from hosting.access.body_limit import BodyLimit
from hosting.access.route_table import Route
from nettailor.bundle import backbone_file
from nettailor.bundle.safetensors_file import DEFAULT_LIMITS

LIST_TASKS = Route(method="GET", path="/tasks", scope="read")
READ_TASK = Route(method="GET", path="/tasks/{task}", scope="read")
LIST_VERSIONS = Route(method="GET", path="/tasks/{task}/versions", scope="read", is_linked=True)
READ_VERSION = Route(method="GET", path="/tasks/{task}/versions/{version}", scope="read", is_linked=True)
READ_LINEAGE = Route(method="GET", path="/tasks/{task}/versions/{version}/lineage", scope="read")
READ_BUNDLE = Route(method="GET", path="/tasks/{task}/versions/{version}/bundle", scope="read")
COMPARE_VERSIONS = Route(method="GET", path="/tasks/{task}/compare", scope="read")
READ_HISTORY = Route(method="GET", path="/tasks/{task}/history", scope="read")

PUBLISH_VERSION = Route(
    method="POST",
    path="/tasks/{task}/versions",
    scope="publish",
    body=BodyLimit(max_bytes=DEFAULT_LIMITS.size_bytes),
)
MOVE_ALIAS = Route(method="PUT", path="/tasks/{task}/aliases/{alias}", scope="promote")
REMOVE_ALIAS = Route(method="DELETE", path="/tasks/{task}/aliases/{alias}", scope="promote")
ROLL_BACK = Route(method="POST", path="/tasks/{task}/rollback", scope="promote")
DELETE_TASK = Route(method="DELETE", path="/tasks/{task}", scope="admin")
DELETE_VERSION = Route(method="DELETE", path="/tasks/{task}/versions/{version}", scope="admin")

ANNOTATE_VERSION = Route(method="PATCH", path="/tasks/{task}/versions/{version}", scope="publish")
READ_POLICY = Route(method="GET", path="/tasks/{task}/policy", scope="read")
SET_POLICY = Route(method="PUT", path="/tasks/{task}/policy", scope="admin")
CLEAR_POLICY = Route(method="DELETE", path="/tasks/{task}/policy", scope="admin")

READ_ATTACHMENT = Route(method="GET", path="/tasks/{task}/versions/{version}/attachments/{name:path}", scope="read")
READ_REPORT = Route(method="GET", path="/tasks/{task}/versions/{version}/report", scope="read", is_page=True)
READ_LIVE_REPORT = Route(method="GET", path="/tasks/{task}/report", scope="read", is_page=True)

LIST_BACKBONES = Route(method="GET", path="/backbones", scope="read")
ADD_BACKBONE = Route(
    method="PUT",
    path="/backbones/{backbone}",
    scope="admin",
    body=BodyLimit(max_bytes=backbone_file.LIMITS.size_bytes),
)
REMOVE_BACKBONE = Route(method="DELETE", path="/backbones/{backbone}", scope="admin")

ROUTES = (
    LIST_TASKS,
    READ_TASK,
    LIST_VERSIONS,
    READ_VERSION,
    READ_LINEAGE,
    READ_BUNDLE,
    COMPARE_VERSIONS,
    READ_HISTORY,
    PUBLISH_VERSION,
    MOVE_ALIAS,
    REMOVE_ALIAS,
    ROLL_BACK,
    DELETE_TASK,
    DELETE_VERSION,
    ANNOTATE_VERSION,
    READ_POLICY,
    SET_POLICY,
    CLEAR_POLICY,
    READ_ATTACHMENT,
    READ_REPORT,
    READ_LIVE_REPORT,
    LIST_BACKBONES,
    ADD_BACKBONE,
    REMOVE_BACKBONE,
)
