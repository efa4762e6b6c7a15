"""Asks a service by the client that openapi-python-client has made: URL IMAGE ARCHIVE."""

import base64
import io
import sys
import time
from pathlib import Path

from generated import Client
from generated.api.pages import home, make_link
from generated.api.registry import list_tasks, move_alias, publish_version, read_bundle, read_report
from generated.api.server import metrics, predict
from generated.api.trainer import (
    cancel_job,
    follow_job,
    list_jobs,
    read_contact_sheet,
    read_job,
    read_logs,
    upload_dataset,
)
from generated.models import (
    AliasMove,
    AskLink,
    ImageForm,
    Job,
    JsonImages,
    LinkAnswer,
    MoveAlias,
    Prediction,
    Problem,
    UploadForm,
    Version,
)
from generated.types import File


def main() -> None:
    url, image_file, archive_file = sys.argv[1:]
    client = Client(base_url=url)
    _predict(client, Path(image_file).read_bytes())
    _look_at_versions(client)
    _tailor(client, Path(archive_file).read_bytes())
    sys.stdout.write("generated\n")


def _file(data: bytes, name: str | None = None) -> File:
    return File(payload=io.BytesIO(data), file_name=name)


def _predict(client: Client, image: bytes) -> None:
    """By all kinds of bodies, with one answer."""
    bodies = [
        _file(image),
        JsonImages(images=[base64.b64encode(image).decode()]),
        ImageForm(image=[_file(image, "a.png")]),
    ]
    answers = [predict.sync("signs", client=client, body=body, top_k=2) for body in bodies]
    assert all(isinstance(answer, Prediction) for answer in answers), answers
    assert len({answer.predictions[0][0].label for answer in answers}) == 1
    assert len(answers[0].predictions[0]) == 2
    assert "nettailor_requests_total" in metrics.sync(client=client)


def _look_at_versions(client: Client) -> None:
    assert {task.task for task in list_tasks.sync(client=client)} == {"signs", "birds"}
    bundle = read_bundle.sync("signs", 1, client=client).payload.read()
    again = publish_version.sync("signs", client=client, body=_file(bundle))
    assert isinstance(again, Version), again
    assert again.version == 1
    moved = move_alias.sync("signs", "candidate", client=client, body=MoveAlias(version=1))
    assert isinstance(moved, AliasMove), moved
    missing = read_report.sync("signs", 1, client=client)
    assert isinstance(missing, Problem), missing
    assert missing.status == 404
    assert "<html" in home.sync(client=client)
    assert isinstance(make_link.sync(client=client, body=AskLink(path="/")), LinkAnswer)


def _tailor(client: Client, archive: bytes) -> None:
    job = upload_dataset.sync("birds", client=client, body=_file(archive))
    assert isinstance(job, Job), job
    second = upload_dataset.sync("birds", client=client, body=UploadForm(file=_file(archive, "photos.zip")))
    assert isinstance(second, Job), second
    assert isinstance(cancel_job.sync(second.id, client=client), Job)
    while not (found := read_job.sync(job.id, client=client)).dataset:
        assert found.state in ("queued", "running"), found
        time.sleep(0.1)  # another process's work, which this client can only ask about
    assert read_contact_sheet.sync(job.id, client=client).payload.read(2) == b"\xff\xd8"
    assert isinstance(cancel_job.sync(job.id, client=client), Job)
    assert "event: state" in follow_job.sync(job.id, client=client)
    assert "intake" in read_logs.sync(job.id, client=client)
    assert {one.id for one in list_jobs.sync(client=client, task="birds")} >= {job.id, second.id}
    assert 'rel="next"' in list_jobs.sync_detailed(client=client, limit=1).headers["link"]
    refused = read_job.sync("none", client=client)
    assert isinstance(refused, Problem), refused
    assert refused.status == 404


if __name__ == "__main__":
    main()
