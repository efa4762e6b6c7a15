"""The trainer's routes, beside those that every app has (`hosting.access.open_routes`)."""

from hosting.access.body_limit import STREAMED_BODY
from hosting.access.route_table import Route

UPLOAD_DATASET = Route(method="POST", path="/tasks/{task}/dataset", scope="publish", body=STREAMED_BODY)
INSPECT_DATASET = Route(
    method="POST", path="/datasets/inspect", scope="publish", task_parameter="task", body=STREAMED_BODY
)

LIST_JOBS = Route(method="GET", path="/jobs", scope="read", task_parameter="task")
READ_JOB = Route(method="GET", path="/jobs/{job}", scope="read", is_linked=True)
FOLLOW_JOB = Route(method="GET", path="/jobs/{job}/events", scope="read")
READ_LOGS = Route(method="GET", path="/jobs/{job}/logs", scope="read", is_page=True)
FINISH_JOB = Route(method="POST", path="/jobs/{job}/finish", scope="publish")
CANCEL_JOB = Route(method="POST", path="/jobs/{job}/cancel", scope="publish")
RETRY_JOB = Route(method="POST", path="/jobs/{job}/retry", scope="publish")

READ_DATASET = Route(method="GET", path="/jobs/{job}/dataset", scope="read")
READ_DATASET_REPORT = Route(method="GET", path="/jobs/{job}/dataset/report", scope="read", is_page=True)
READ_CONTACT_SHEET = Route(method="GET", path="/jobs/{job}/dataset/contact-sheet", scope="read", is_page=True)

READ_FRONT = Route(method="GET", path="/tasks/{task}/versions/{version}/front", scope="read")
PUBLISH_POINT = Route(method="POST", path="/tasks/{task}/versions/{version}/front/{k}", scope="publish")

ROUTES = (
    UPLOAD_DATASET,
    INSPECT_DATASET,
    LIST_JOBS,
    READ_JOB,
    FOLLOW_JOB,
    READ_LOGS,
    FINISH_JOB,
    CANCEL_JOB,
    RETRY_JOB,
    READ_DATASET,
    READ_DATASET_REPORT,
    READ_CONTACT_SHEET,
    READ_FRONT,
    PUBLISH_POINT,
)
