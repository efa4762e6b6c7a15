"""A client that a stock generator makes from `/openapi.json` predicts, uploads and reads jobs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nettailor_client import Client
from tests.pictures import huge_png
from tests.trainer.uploads import GOOD
from tests.waiting import PATIENCE_SECONDS

_GENERATED_ASKS = """
import io, sys
sys.path.insert(0, sys.argv[1])
from generated import Client
from generated.api.server import predict
from generated.api.trainer import list_jobs, read_job, upload_dataset
from generated.models import ImageForm, Job, JsonImages, Prediction, Problem
from generated.types import File
import base64

image = open(sys.argv[3], "rb").read()
archive = open(sys.argv[4], "rb").read()
with Client(base_url=sys.argv[2]) as client:
    answers = [
        predict.sync("signs", client=client, body=File(payload=io.BytesIO(image)), top_k=2),
        predict.sync("signs", client=client, body=JsonImages(images=[base64.b64encode(image).decode()]), top_k=2),
        predict.sync("signs", client=client, body=ImageForm(image=[File(payload=image, file_name="a")]), top_k=2),
    ]
    assert all(isinstance(answer, Prediction) for answer in answers), answers
    assert len({answer.predictions[0][0].label for answer in answers}) == 1
    assert len(answers[0].predictions[0]) == 2
    job = upload_dataset.sync("birds", client=client, body=File(payload=io.BytesIO(archive)))
    assert isinstance(job, Job), job
    assert isinstance(read_job.sync(job.id, client=client), Job)
    found = list_jobs.sync(client=client, task="birds")
    assert [one.id for one in found] == [job.id]
    refused = read_job.sync("none", client=client)
    assert isinstance(refused, Problem) and refused.status == 404, refused
    print("generated", job.state)
"""


@pytest.mark.nightly  # asks an index
def test_a_client_generated_from_the_openapi_document_works(service: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=PATIENCE_SECONDS)
    tools = tmp_path / "venv/bin"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PATH"] = f"{tools}:{environment['PATH']}"  # it formats what it made with a ruff of its own

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(str(tools / "python"), "-m", "pip", "install", "openapi-python-client>=0.26")
    with Client(service) as client:
        (tmp_path / "openapi.json").write_text(json.dumps(client.openapi()))
    run(
        *(str(tools / "openapi-python-client"), "generate", "--path", "openapi.json"),
        *("--output-path", "generated", "--meta", "none"),
    )
    (tmp_path / "sign.png").write_bytes(huge_png(40, 40))
    (tmp_path / "photos.zip").write_bytes(GOOD)
    arguments = (str(tmp_path), service, "sign.png", "photos.zip")
    assert run(str(tools / "python"), "-c", _GENERATED_ASKS, *arguments).startswith("generated ")
