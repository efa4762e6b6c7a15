"""Files beside the images that say what each shows, as WebDataset's shards hold them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trainer.intake.findings import Finding, paths_of, shorten
from trainer.intake.layouts.folders.shape import placements_by_folder, splits_by_folder
from trainer.intake.layouts.layout import CERTAIN, LIKELY, SHAPE, Reading, Recognition
from trainer.intake.layouts.rows import NO_SPLIT, Said, is_unknown_split
from trainer.intake.layouts.sidecars.fields import Fields, fields_of
from trainer.intake.layouts.sidecars.samples import Sample, Samples, samples_of
from trainer.intake.layouts.split_words import split_of
from trainer.intake.layouts.tables.agreement import labels_against_folders
from trainer.intake.layouts.tables.class_names import ClassNames
from trainer.intake.layouts.tables.roles import label_of
from trainer.intake.layouts.tables.tables import names_for
from trainer.intake.layouts.unplaced import unplaced_images
from trainer.intake.placement import MAX_CLASS_CHARACTERS, Placement, Split
from trainer.intake.upload import Upload

_BELOW_TABLES = LIKELY - 0.1
_BELOW_FOLDERS = SHAPE - 0.1
_ABOVE_FOLDERS = SHAPE + 0.1
_SHARD = re.compile(r"(^|[-_.])\d{4,}$")  # how the name of a shard ends


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What the files of one sample say; ``word``, what they call its split, and ``group`` are "" for none."""

    sample: Sample
    label: str
    word: str
    split: Split | None
    group: str

    @property
    def is_of_unknown_split(self) -> bool:
        return is_unknown_split(self.word)


class SidecarLayout:
    name = "a file an image (WebDataset)"
    seen_from = "webdataset 1.0 (`ShardWriter`: `0001.jpg`, `0001.cls`, `0001.json`), img2dataset"
    reads = (
        "tar files, alone or in an archive: the class is what `.cls` says, else the key `label` (or the like) of "
        "`.json`, else the word in `.txt`; splits by the shards' names (`train-000000.tar`)"
    )

    def recognise(self, upload: Upload) -> Recognition | None:
        fields = upload.once(fields_of)
        if fields is None:
            return None
        suffixes = sorted({suffix for sample in upload.once(samples_of).samples for suffix in sample.files})
        why = f"files of the same names lie beside the images ({', '.join(suffixes)})"
        if not fields.roles.has_label:
            are_shards = all(_SHARD.search(folder) for folder in _folders(upload))
            return Recognition(confidence=_ABOVE_FOLDERS, why=why) if are_shards else None
        return Recognition(confidence=_confidence(fields, upload), why=why)

    def read(self, upload: Upload) -> Reading:
        fields, samples = upload.once(fields_of), upload.once(samples_of)
        assert fields is not None
        if not fields.roles.has_label:
            return _unlabelled(fields, samples, upload)
        told = list(_told(fields, samples, upload))
        names = names_for(upload, {each.label for each in told if each.label})
        places = {each.sample.image: _place(each, names.names) for each in told}
        placements = {image: place for image, place in places.items() if isinstance(place, Placement)}
        unplaced = [image for image in upload.images if image not in places and image not in samples.others]
        return Reading(
            placements=placements,
            left_out=[
                *((image, place) for image, place in places.items() if isinstance(place, str)),
                *((image, "another image of its sample is taken") for image in samples.others),
                *((image, "no file beside it says what it shows") for image in unplaced),
            ],
            findings=[
                *_findings(fields, samples),
                *names.findings,
                *_without_label([each for each in told if not each.label], len(told)),
                *_of_unknown_splits([each for each in told if each.label and each.is_of_unknown_split], len(told)),
                *unplaced_images(unplaced, upload, "without a file beside them"),
                *_against_folders(told, names, upload),
            ],
            documents=samples.documents | names.documents,
            groups={each.sample.image: each.group for each in told if each.group},
        )


def _confidence(fields: Fields, upload: Upload) -> float:
    if fields.is_called_label:
        has_classes = any(".cls" in sample.files for sample in upload.once(samples_of).samples)
        return CERTAIN if has_classes else _BELOW_TABLES
    classes = {place.label for place in upload.once(placements_by_folder).values()}
    return _BELOW_FOLDERS if len(classes) > 1 and not all(map(_SHARD.search, classes)) else _BELOW_TABLES


def _folders(upload: Upload) -> set[str]:
    """The folders that the images lie in, by their own names."""
    return {image[-2] for image in upload.images if len(image) > 1}


def _told(fields: Fields, samples: Samples, upload: Upload) -> Iterator[_Told]:
    roles, by_folder = fields.roles, upload.once(splits_by_folder)
    for sample, row in zip(samples.samples, fields.grid.rows, strict=True):
        written = "" if roles.split is None else row.cells[roles.split]
        word = roles.split_words.get(written.lower(), written)
        shard = (split_of(folder) for folder in reversed(sample.image[:-1]))
        yield _Told(
            sample=sample,
            label=label_of(roles, row) or "",
            word=word,
            split=split_of(word)
            or by_folder.get(sample.image)
            or next((split for split in shard if split is not None), None),
            group="" if roles.group is None else row.cells[roles.group],
        )


def _place(told: _Told, names: Mapping[str, str]) -> Placement | str:
    label = names.get(told.label, told.label)
    if not label:
        return "the files beside it tell no class"
    if len(label) > MAX_CLASS_CHARACTERS:
        return f"the class name is longer than {MAX_CLASS_CHARACTERS} characters"
    if told.is_of_unknown_split:
        return f"{told.word[:50]!r} {NO_SPLIT}"
    return Placement(label=label, split=told.split)


def _findings(fields: Fields, samples: Samples) -> Iterator[Finding]:
    if fields.roles.rivals:
        rivals = ", ".join(shorten(list(fields.roles.rivals)))
        text = (
            f"The classes are taken from {fields.label} in the files beside the images; {rivals} might be meant as "
            "well. Call the right one label."
        )
        yield Finding(weight="warning", text=text)
    if fields.faults:
        told = [f"{path} ({fault})" for path, fault in fields.faults.items()]
        text = f"{len(told)} files beside images cannot be read: {', '.join(shorten(told))}."
        yield Finding(weight="warning", text=text, files=tuple(fields.faults)[:20])
    if samples.others:
        text = (
            f"There are samples of several images; those called *{samples.taken} are taken, and {len(samples.others)} "
            "are left out. Take them away, or write each as a sample of its own."
        )
        yield Finding(weight="warning", text=text, files=paths_of(samples.others))


def _without_label(found: list[_Told], samples: int) -> Iterator[Finding]:
    if found:
        images = [each.sample.image for each in found]
        shown = ", ".join(shorten(["/".join(image) for image in images]))
        text = f"The files beside {len(images)} of {samples} images tell no class, and these are left out: {shown}."
        yield Finding(weight="warning", text=text, files=paths_of(images))


def _of_unknown_splits(found: list[_Told], samples: int) -> Iterator[Finding]:
    if found:
        words = ", ".join(shorten(sorted({repr(each.word[:50]) for each in found})))
        text = (
            f"The files beside {len(found)} of {samples} images name a split that is not known ({words}), and these "
            "are left out: call it train, val or test."
        )
        yield Finding(weight="warning", text=text, files=paths_of(each.sample.image for each in found))


def _against_folders(told: list[_Told], names: ClassNames, upload: Upload) -> list[Finding]:
    said = {
        each.sample.image: Said(
            document=next(iter(each.sample.files.values())),
            where=each.sample.image[-1],
            label=names.names.get(each.label, each.label),
        )
        for each in told
        if each.label
    }
    return labels_against_folders(said, upload.once(placements_by_folder))


def _unlabelled(fields: Fields, samples: Samples, upload: Upload) -> Reading:
    columns = ", ".join(shorten(list(fields.grid.columns or ())[1:]))
    text = (
        f"The files beside the images ({columns}) tell no class, and the folders are numbered shards. Write the "
        "class of each image into a file of its name that ends in .cls, or as the key label of its .json."
    )
    return Reading(
        placements={},
        left_out=[(image, "the files beside it tell no class") for image in upload.images],
        findings=[Finding(weight="error", text=text)],
        documents=samples.documents,
    )
