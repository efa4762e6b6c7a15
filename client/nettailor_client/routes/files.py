"""Files of a version: its bundle, what is kept beside it, and its network for other runtimes."""

from os import PathLike
from pathlib import Path
from typing import Literal

from nettailor_client.answers.versions import Exported
from nettailor_client.download import Download
from nettailor_client.errors import AnswerUnusable
from nettailor_client.operation import Operation
from nettailor_client.request import Answer, Request, path_of, query_of, read_text, read_verified

_MADE_WITHIN_S = 600.0  # the service answers when the file is made


class FileRoutes:
    @Operation
    def bundle(self, task: str, version: int) -> Request[bytes]:
        """Raises `AnswerCorrupt` if the bytes changed on the way."""
        return Request(method="GET", path=_path(task, version, "bundle"), parse=read_verified)

    @Operation
    def attachment(self, task: str, version: int, name: str) -> Request[bytes]:
        """A file kept beside the bundle. Raises `AnswerCorrupt` if the bytes changed on the way."""
        path = _path(task, version, "attachments", *name.split("/"))
        return Request(method="GET", path=path, parse=read_verified)

    @Operation
    def report(self, task: str, version: int | None = None) -> Request[str]:
        """The page, in HTML, of how a version was made; of the live one, if none is named."""
        path = path_of("tasks", task, "report") if version is None else _path(task, version, "report")
        return Request(method="GET", path=path, parse=read_text)

    @Operation
    def export(
        self,
        task: str,
        version: int,
        to: str | PathLike[str],
        *,
        format: Literal["onnx", "openvino", "torchscript", "pt2"],
        dtype: Literal["fp32", "fp16"] = "fp32",
    ) -> Download[Exported]:
        """Write the version's network to a file, for a runtime of others. Making it may take the service minutes."""
        request = Request(
            method="GET",
            path=_path(task, version, "export"),
            query=query_of(format=format, dtype=dtype),
            parse=_exported,
            read_s=_MADE_WITHIN_S,
        )
        return Download(request=request, to=Path(to))


def _path(task: str, version: int, *further: str) -> str:
    return path_of("tasks", task, "versions", version, *further)


def _exported(answer: Answer) -> Exported:
    """Raises `AnswerUnusable`."""
    headers = answer.headers
    try:
        return Exported(version=int(headers["x-task-version"]), top1_agreement=float(headers["x-top1-agreement"]))
    except (KeyError, ValueError) as error:
        raise AnswerUnusable(answer.path, f"a header of an export: {error}") from error
