"""What intake made of an upload, over HTTP."""

from functools import partial

from fastapi import APIRouter, Response

from hosting.access.endpoint import endpoint
from hosting.web.openapi import BINARY, OBJECT, TEXT, answered
from registry.http.attachment_routes import HEADERS
from registry.versions.attachments import media_type
from trainer.errors import DatasetNotReady
from trainer.http import route_declarations as declared
from trainer.reports.dataset_report import FIGURES, PAGE, SHEET
from trainer.service import Service

SEVERAL = (409,)  # jobs have ids that begin as the one that was asked for


def add_datasets(routes: APIRouter, service: Service) -> None:
    part = partial(endpoint, routes, also=SEVERAL, response_class=Response)

    @part(declared.READ_DATASET, responses=answered("application/json", OBJECT))
    def read_dataset(job: str) -> Response:
        """Counts, sizes, formats, duplicates, imbalance, and every file that was left out with its reason, as JSON."""
        return answer(job, FIGURES)

    @part(declared.READ_DATASET_REPORT, responses=answered("text/html", TEXT))
    def read_dataset_report(job: str) -> Response:
        """The same as a page."""
        return answer(job, PAGE)

    @part(declared.READ_CONTACT_SHEET, responses=answered("image/jpeg", BINARY))
    def read_contact_sheet(job: str) -> Response:
        """A few training images of each class, as a JPEG."""
        return answer(job, SHEET)

    def answer(job: str, name: str) -> Response:
        dataset = service.jobs.store.get(service.job_named(job)).dataset
        files = None if dataset is None else dataset.get("report")
        if not isinstance(files, dict) or name not in files:
            raise DatasetNotReady(job)
        return Response(service.blobs.read(str(files[name])), media_type=media_type(name), headers=HEADERS)
