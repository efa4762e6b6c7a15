"""Tables of labels beside the images: one for all, one a folder, one a split, or lists of the images of each split."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, paths_of, shorten
from trainer.intake.layouts.folders.shape import placements_by_folder, splits_by_folder
from trainer.intake.layouts.layout import LIKELY, Reading, Recognition
from trainer.intake.layouts.rows import Said
from trainer.intake.layouts.split_words import words
from trainer.intake.layouts.tables.agreement import (
    labels_against_folders,
    names_by_folders,
    splits_against_folders,
)
from trainer.intake.layouts.tables.roles import NO_IMAGES
from trainer.intake.layouts.tables.tables import GUESSED, SUBMISSION, Tables, read_tables
from trainer.intake.layouts.unplaced import unplaced_images
from trainer.intake.placement import Placement
from trainer.intake.upload import NOT_JSON, Upload


class TableLayout:
    name = "table of labels"
    seen_from = "Kaggle, pandas, spreadsheets, Hugging Face `imagefolder` (`metadata.csv`, `.jsonl`, `.parquet`)"
    reads = (
        "CSV, TSV, JSON, JSON Lines or Parquet: a column (or key) for the image, one for its class or one a class with "
        "0 and 1, optionally one for its split or group; several tables are joined"
    )

    def recognise(self, upload: Upload) -> Recognition | None:
        tables = upload.once(read_tables)
        if not upload.images or not _cover(tables, upload):
            return None
        paths = ", ".join(shorten(tables.paths))
        what = "say" if len(tables.paths) > 1 else "says"
        about = "what the images are" if tables.rows.labelled else "which class folder's images are of which split"
        return Recognition(confidence=LIKELY, why=f"{paths} {what} {about}")

    def read(self, upload: Upload) -> Reading:
        tables = upload.once(read_tables)
        reading = tables.rows.reading(findings=tables.findings)
        folders = upload.once(placements_by_folder)
        said, names = _named(tables.rows.said(), folders)
        labelled = bool(tables.rows.labelled)
        placements = _placements(said if labelled else _labelled(said, folders), tables, upload)
        by_folder = _others(folders, placements, tables) if labelled else {}
        placements |= by_folder
        unplaced = [image for image in upload.images if image not in placements]
        told = {image: why for image in unplaced if (why := tables.rows.why(image))}
        where = f"not in {tables.paths[0].rpartition('/')[2]}" if len(tables.paths) == 1 else "in no table of labels"
        return replace(
            reading,
            placements=placements,
            left_out=[*reading.left_out, *((image, told.get(image, where)) for image in unplaced)],
            findings=[
                *reading.findings,
                *names,
                *labels_against_folders(said, folders),
                *splits_against_folders(said, upload.once(splits_by_folder)),
                *_taken_from_folders(by_folder),
                *unplaced_images([image for image in unplaced if image not in told], upload, "in no table of labels"),
            ],
            documents=reading.documents | tables.joined,
        )


def unused_reasons(upload: Upload) -> dict[Parts, str]:
    """Why each candidate is no table of labels for these images, or was not used as one."""
    broken = {parts: why for parts, why in upload.once(read_tables).reasons.items() if why.startswith(NOT_JSON)}
    return {parts: f"not used as a table of labels: {why}" for parts, why in (_unused(upload) | broken).items()}


def unused_lists(upload: Upload, read: Collection[Parts]) -> list[Finding]:
    """The findings on documents that are called as lists of splits are, and that nothing was made of."""
    used = {*read, *upload.once(read_tables).joined}
    unused = (document for document in upload.documents if document.parts not in used)
    found = [document.parts for document in unused if _is_called_a_list_of_splits(document.name)]
    return [
        Finding(
            weight="warning",
            text=f"{'/'.join(parts)} seems to tell splits and is not understood: splits are as the folders tell them, "
            "or are cut. Give a table with the columns file and split.",
            files=("/".join(parts),),
        )
        for parts in found
    ]


def _is_called_a_list_of_splits(name: str) -> bool:
    found = words(name.rpartition(".")[0])
    return "split" in found or "splits" in found or {"train", "test"} <= set(found)


def unused_tables(upload: Upload, read: Collection[Parts]) -> list[Finding]:
    """The findings on tables that were meant for these images, or cannot be read; ``read`` documents were used."""
    foreign = upload.once(read_tables).reasons
    return [
        Finding(
            weight="note" if reason.startswith(GUESSED) else "warning",
            text=f"{'/'.join(parts)} is not used: {reason}.",
            files=("/".join(parts),),
        )
        for parts, reason in sorted(_unused(upload).items())
        if parts not in read and foreign.get(parts) not in {NO_IMAGES, SUBMISSION}
    ]


def _unused(upload: Upload) -> dict[Parts, str]:
    """Candidates but for those that are mostly something else: text, and JSON of any kind."""
    tables = upload.once(read_tables)
    reasons = tables.reasons | dict.fromkeys(tables.used, "it says nothing of most images")
    return {
        parts: reason
        for parts, reason in reasons.items()
        if parts not in tables.joined and (parts in tables.used or not parts[-1].lower().endswith((".txt", ".json")))
    }


def _cover(tables: Tables, upload: Upload) -> bool:
    """Whether the tables are meant to say what the images are: they name most, or all but whole folders."""
    said = tables.rows.said()
    if 2 * len(tables.rows.contradicted) >= len(upload.images):
        return True
    if not tables.rows.labelled:
        named = [image for image, each in said.items() if each.split or each.group]
        return 2 * len(named) > len(upload.images) and bool(upload.once(placements_by_folder))
    named = [image for image, each in said.items() if each.label is not None]
    unlabelled = len(tables.rows.named) - len(named)  # images to predict, as another table lists them
    if 2 * len(named) >= len(upload.images) - unlabelled:
        return True
    folders = {image[:-1] for image in named}
    beside = sum(image[:-1] in folders for image in upload.images)
    return len(named) > 1 and 2 * len(named) > beside and 2 * len(named) > tables.rows.with_label


def _named(
    said: Mapping[Parts, Said], folders: Mapping[Parts, Placement]
) -> tuple[Mapping[Parts, Said], list[Finding]]:
    """What is said, with the names of the class folders for numbers that stand for them."""
    names = names_by_folders(said, folders)
    if not names:
        return said, []
    named = {image: replace(each, label=names.get(each.label or "", each.label)) for image, each in said.items()}
    return named, [Finding(weight="note", text="The names of the classes are taken from the folders of their images.")]


def _placements(said: Mapping[Parts, Said], tables: Tables, upload: Upload) -> dict[Parts, Placement]:
    """The table's word on the split comes first, then that of the folders, then that of the table's name."""
    by_folder = upload.once(splits_by_folder)
    return {
        image: Placement(
            label=each.label,
            split=each.split or by_folder.get(image) or tables.split_by_name(each),
        )
        for image, each in said.items()
        if each.label is not None
    }


def _others(
    folders: Mapping[Parts, Placement], placements: Mapping[Parts, Placement], tables: Tables
) -> dict[Parts, Placement]:
    """Images that no table names and that lie in folders of the tables' classes, as in ImageNet's training split."""
    labels = {place.label for place in placements.values()}
    return {
        image: place for image, place in folders.items() if image not in tables.rows.named and place.label in labels
    }


def _taken_from_folders(by_folder: Mapping[Parts, Placement]) -> list[Finding]:
    if not by_folder:
        return []
    text = f"{len(by_folder)} images are in no table of labels; their class is that of their folder."
    return [Finding(weight="note", text=text, files=paths_of(by_folder))]


def _labelled(said: Mapping[Parts, Said], folders: Mapping[Parts, Placement]) -> dict[Parts, Said]:
    return {image: replace(each, label=folders[image].label) for image, each in said.items() if image in folders}
