"""Parquet files of images none of whose columns says what they show: their names are no classes."""

from trainer.intake.findings import Finding, paths_of, shorten
from trainer.intake.layouts.layout import CERTAIN, Reading, Recognition
from trainer.intake.layouts.tables.tables import read_tables
from trainer.intake.upload import Document, Upload

_SUFFIX = ".parquet.jsonl"  # of the table that such a file is turned into


class UnlabelledParquet:
    name = "Parquet of images without classes"
    seen_from = "data sets of captions, boxes or masks of Hugging Face"
    reads = "nothing: the files' columns are named, and none of them sorts the images into classes"

    def recognise(self, upload: Upload) -> Recognition | None:
        documents = _documents(upload)
        if not documents or not upload.images or upload.once(read_tables).rows.labelled:
            return None
        why = f"{', '.join(shorten([_path(document) for document in documents]))} holds images"
        return Recognition(confidence=CERTAIN, why=why)

    def read(self, upload: Upload) -> Reading:
        documents = _documents(upload)
        paths = ", ".join(shorten([_path(document) for document in documents]))
        text = (
            f"{paths}: no column says which class an image is of. Add a column label to each file (in Hugging Face "
            "Datasets: a ClassLabel, or text), or upload class folders."
        )
        return Reading(
            placements={},
            left_out=[(image, "no column says what it shows") for image in upload.images],
            findings=[Finding(weight="error", text=text, files=paths_of(document.folder for document in documents))],
            documents=frozenset(document.parts for document in documents),
        )


def _documents(upload: Upload) -> list[Document]:
    return [document for document in upload.documents if document.name.endswith(_SUFFIX)]


def _path(document: Document) -> str:
    """That of the Parquet file, as it was uploaded."""
    return "/".join((*document.folder[:-1], document.parts[-1].removesuffix(".jsonl")))
