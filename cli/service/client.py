"""The HTTP API as Python calls; answers come back as the JSON they are."""

from cli.service.job_requests import JobRequests
from cli.service.session import Json, path_of
from cli.service.version_requests import VersionRequests


class Client(JobRequests, VersionRequests):
    """Everything that can be asked of a service.

    Every method raises `ServiceUnreachable`, or `RequestRefused` for a problem document.
    """

    def predict(self, task: str, image: bytes, *, media_type: str, top_k: int = 1) -> Json:
        """The predictions for one image by the task's live version, or by task@alias."""
        headers = {"Content-Type": media_type}
        return self._document(
            "POST", path_of("tasks", task, "predict"), params={"top_k": top_k}, content=image, headers=headers
        )
