"""The server's routes, beside those that every app has (`hosting.access.open_routes`)."""

from hosting.access.body_limit import BODY_OF_SETTINGS
from hosting.access.route_table import Route
from server.http.open_inference.route_declarations import ROUTES as OPEN_INFERENCE_ROUTES

PREDICT = Route(method="POST", path="/tasks/{task}/predict", scope="predict", is_prediction=True, body=BODY_OF_SETTINGS)
PREDICT_VERSION = Route(
    method="POST",
    path="/tasks/{task}/versions/{version}/predict",
    scope="predict",
    is_prediction=True,
    body=BODY_OF_SETTINGS,
)
PREDICT_MANY = Route(
    method="POST", path="/predict", scope="predict", task_parameter="tasks", is_prediction=True, body=BODY_OF_SETTINGS
)
EXPORT_VERSION = Route(method="GET", path="/tasks/{task}/versions/{version}/export", scope="read")

ROUTES = (PREDICT, PREDICT_VERSION, PREDICT_MANY, EXPORT_VERSION, *OPEN_INFERENCE_ROUTES)
